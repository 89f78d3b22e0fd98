internal import Glibc

/// Functions of the running kernel and its modules, as /proc/kallsyms lists them: `ADDRESS TYPE NAME[\t[MODULE]]`.
package enum KernelSymbols {
  /// Calls `body` with each function's name and module (empty for the kernel itself), in the order of the list, until it
  /// returns false. Names are the kernel's own; there may be several of one name.
  package static func forEachFunction(_ body: (_ name: Substring, _ module: Substring) -> Bool) {
    guard let text = try? SystemFiles.read("/proc/kallsyms") else { return }
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      let columns = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
      guard columns.count == 3, let type = columns[1].first, type | 0x20 == UInt8(ascii: "t") else { continue }
      let names = columns[2].split(separator: UInt8(ascii: "\t"))
      guard let name = names.first else { continue }
      let module = names.count > 1 ? names[1].dropFirst().dropLast() : Substring("").utf8
      if !body(Substring(name), Substring(module)) { return }
    }
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
