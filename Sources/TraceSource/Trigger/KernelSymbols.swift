internal import Glibc
internal import SystemCalls

/// Functions of the running kernel and its modules, as /proc/kallsyms lists them: `ADDRESS TYPE NAME[\t[MODULE]]`.
package enum KernelSymbols {
  /// Calls `body` with each function's name and module (empty for the kernel itself), in the order of the list, until it
  /// returns false. Names are the kernel's own; there may be several of one name.
  package static func forEachFunction(_ body: (_ name: Substring, _ module: Substring) -> Bool) {
    guard let text = try? SystemFiles.readBytes("/proc/kallsyms") else { return }
    forEachFunction(in: text) { line in
      body(
        Substring(decoding: text[line.name], as: UTF8.self), Substring(decoding: text[line.module], as: UTF8.self))
    }
  }

  /// A line of the list.
  struct Line {
    /// Where all of it lies, without its end.
    var place: Range<Int>
    var address: UInt64
    var name: Range<Int>
    /// Where the module's name lies; empty for the kernel itself.
    var module: Range<Int>
  }

  /// Calls `body` with each function that a text lists, in its order, until it returns false. Addresses are 0 where the reader
  /// may not know them.
  static func forEachFunction(in text: [UInt8], _ body: (Line) -> Bool) {
    text.withUnsafeBufferPointer { bytes in
      var offset = 0
      while offset < bytes.count {
        var end = offset
        while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
        if let line = parse(bytes, offset..<end), !body(line) { return }
        offset = end + 1
      }
    }
  }

  /// The lines of a list that are of functions, on Debian's kernels half of it: the others are of data.
  package static func functions(in text: [UInt8]) -> [UInt8] {
    var lines: [UInt8] = []
    lines.reserveCapacity(text.count)
    forEachFunction(in: text) { line in
      lines.append(contentsOf: text[line.place])
      lines.append(UInt8(ascii: "\n"))
      return true
    }
    return lines
  }

  @inline(__always)
  private static func parse(_ bytes: UnsafeBufferPointer<UInt8>, _ line: Range<Int>) -> Line? {
    var offset = line.lowerBound
    var address: UInt64 = 0
    while offset < line.upperBound, bytes[offset] != UInt8(ascii: " ") {
      let byte = bytes[offset]
      let digit = byte <= UInt8(ascii: "9") ? byte &- UInt8(ascii: "0") : (byte | 0x20) &- UInt8(ascii: "a") &+ 10
      guard digit < 16 else { return nil }
      address = address &<< 4 | UInt64(digit)
      offset += 1
    }
    // " T NAME", and of weak functions " W NAME".
    guard offset + 3 < line.upperBound else { return nil }
    let type = bytes[offset + 1] | 0x20
    guard type == UInt8(ascii: "t") || type == UInt8(ascii: "w") else { return nil }
    let start = offset + 3
    var end = start
    while end < line.upperBound, bytes[end] != UInt8(ascii: "\t") { end += 1 }
    // "\t[MODULE]"
    let module = end + 3 <= line.upperBound ? end + 2..<line.upperBound - 1 : end..<end
    return Line(place: line, address: address, name: start..<end, module: module)
  }

  /// Whether the kernel or a module has a function of this name.
  package static func contains(_ name: String) -> Bool {
    var isFound = false
    forEachFunction { candidate, _ in
      isFound = candidate == name
      return !isFound
    }
    return isFound
  }

  /// Names of the functions that a kprobe can be at, sorted: those that ftrace can trace, where they may be listed, or all;
  /// without those that the kernel keeps kprobes away from.
  package static func probeable(_ tracefs: any TracefsAccess) -> [String] {
    var names: Set<Substring> = []
    if let text = try? tracefs.read("available_filter_functions"), !text.isEmpty {
      // FUNCTION[ [MODULE]]
      for line in text.split(separator: "\n") { names.insert(line.prefix { $0 != " " }) }
    } else {
      forEachFunction { name, _ in
        names.insert(name)
        return true
      }
    }
    // 0xSTART-0xEND\tFUNCTION
    let blacklist = (try? SystemFiles.read("/sys/kernel/debug/kprobes/blacklist")) ?? ""
    for line in blacklist.split(separator: "\n") { names.remove(line.split(separator: "\t").last ?? "") }
    return names.map(String.init).sorted()
  }
}
