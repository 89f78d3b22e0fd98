package import Binaries
internal import Foundation
package import TraceModel
internal import TraceSource
package import Unwinder

/// Registers, stacks and mappings of a standing process, as `dump.py` and `step.c` write them.
package struct Snapshot {
  package struct Stack {
    package var registers = UserRegisters()
    /// Of the first byte: the stack pointer.
    package var start: UInt64 = 0
    package var bytes: Range<Int> = 0..<0
  }

  package let modules: ModuleTable
  package let space: AddressSpace
  package private(set) var stacks: [Stack] = []
  private let data: Data

  /// Reads PREFIX.stacks, PREFIX.maps and PREFIX.vdso. As long as process `pid` is there, its files are opened through
  /// its mappings, whatever their paths name by now.
  package init(prefix: String, pid: Int32? = nil) throws {
    data = try Data(contentsOf: URL(fileURLWithPath: prefix + ".stacks"))
    let maps = try String(contentsOfFile: prefix + ".maps", encoding: .utf8)
    let vdso = FileManager.default.contents(atPath: prefix + ".vdso").map { [UInt8]($0) }
    modules = ModuleTable(vdso: vdso ?? []) { number in
      pid.map { TargetFiles(pid: $0, root: nil) } ?? TargetFiles(recorded: number)
    }
    var processes = ProcessCodeTable(source: modules)
    processes.replaceAll(CodeMapping.parse(maps), of: 0, at: 0)
    space = processes.space(of: 0, at: 0)
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
