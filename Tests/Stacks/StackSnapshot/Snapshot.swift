internal import Foundation
package import TraceModel
package import Unwinder

/// Registers, stacks and mappings of a standing process, as `dump.py` and `step.c` write them.
package struct Snapshot {
  package struct Stack {
    package var registers = UserRegisters()
    /// Of the first byte: the stack pointer.
    package var start: UInt64 = 0
    package var bytes: Range<Int> = 0..<0
  }

  package let modules = ModuleTable()
  package private(set) var space = AddressSpace()
  package private(set) var stacks: [Stack] = []
  private let data: Data

  /// Reads PREFIX.stacks, PREFIX.maps and PREFIX.vdso. As long as process `pid` is there, its files are opened through
  /// its mappings, whatever their paths name by now.
  package init(prefix: String, pid: Int32? = nil) throws {
    data = try Data(contentsOf: URL(fileURLWithPath: prefix + ".stacks"))
    let maps = try String(contentsOfFile: prefix + ".maps", encoding: .utf8)
    for line in maps.split(separator: "\n") { add(String(line), vdso: prefix + ".vdso", pid: pid) }
    var offset = 0
    while let words = words(19, at: offset), data.count - offset - 19 * 8 >= Int(clamping: words[18]) {
      var stack = Stack(start: words[17])
      for number in 0..<17 { stack.registers[number] = words[number] }
      offset += 19 * 8
      stack.bytes = offset..<offset + Int(words[18])
      offset = stack.bytes.upperBound
      stacks.append(stack)
    }
  }

  private func words(_ count: Int, at offset: Int) -> [UInt64]? {
    guard offset + 8 * count <= data.count else { return nil }
    return data.withUnsafeBytes { bytes in
      (0..<count).map { bytes.loadUnaligned(fromByteOffset: offset + 8 * $0, as: UInt64.self) }
    }
  }

  /// A line of /proc/PID/maps.
  private mutating func add(_ line: String, vdso: String, pid: Int32?) {
    let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true).map(String.init)
    let ends = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
    guard ends.count == 2, fields[1].contains("x") else { return }
    let path = fields.count > 5 ? fields[5].trimmingCharacters(in: .whitespaces) : ""
    let module: ModuleID
    if path.hasPrefix("/") {
      let own = path.hasSuffix(" (deleted)") ? String(path.dropLast(10)) : path
      let place = ModulePlace(link: pid.map { "/proc/\($0)/map_files/\(fields[0])" }, path: own)
      module = modules.add(ModuleIdentity(path: own, inode: UInt64(fields[4]) ?? 0), at: place)
    } else if path == "[vdso]", let bytes = FileManager.default.contents(atPath: vdso) {
      module = modules.add(memory: [UInt8](bytes), name: path)
    } else {
      module = .anonymous
    }
    space.add(
      Mapping(start: ends[0], end: ends[1], fileOffset: UInt64(fields[2], radix: 16) ?? 0, module: module))
  }

  /// The frames of a stack, and why there are no more.
  package func unwind(_ stack: Stack, _ unwinder: inout Unwinder) -> (frames: [Frame], end: StackEnd) {
    var frames = FlatArray<Frame>()
    let end = data.withUnsafeBytes { bytes in
      unwinder.unwind(
        stack.registers,
        stack: StackBytes(start: stack.start, bytes: UnsafeRawBufferPointer(rebasing: bytes[stack.bytes])),
        space: space, into: &frames)
    }
    return (Array(frames.elements), end)
  }
}
