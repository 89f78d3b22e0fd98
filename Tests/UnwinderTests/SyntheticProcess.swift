import TestSupport
import TraceModel

@testable import Unwinder

/// Programs that exist as bytes alone, for a walk that opens no file. Addresses are file offsets.
final class ScriptedCode: CodeSource {
  private struct Program {
    let code: [UInt8]
    let frames: FrameIndex
  }

  private var programs: [Program] = []
  /// By path, for mappings.
  private var paths: [String] = []
  /// What was asked of processes.
  private(set) var copied: [[Int32]] = []
  private(set) var forgotten: [Int32] = []

  func add(_ program: SyntheticProgram) -> ModuleID {
    var code = [UInt8](repeating: 0, count: SyntheticProgram.size)
    for (address, bytes) in program.code { code.replaceSubrange(address..<address + bytes.count, with: bytes) }
    let section = FrameSection(
      kind: .ehFrame, data: SectionBytes(program.frameBytes), address: 0x2000, is64Bit: true)
    programs.append(Program(code: code, frames: FrameIndex(scanning: section)))
    return ModuleID(number: UInt32(programs.count - 1))
  }

  private subscript(id: ModuleID) -> Program? { id.number < programs.count ? programs[Int(id.number)] : nil }

  /// The path of a module that a mapping has led to.
  func path(of module: ModuleID) -> String { paths[Int(module.number)] }

  func module(of mapping: CodeMapping, in pid: Int32) -> ModuleID {
    if let known = paths.firstIndex(of: mapping.path) { return ModuleID(number: UInt32(known)) }
    paths.append(mapping.path)
    return ModuleID(number: UInt32(paths.count - 1))
  }

  /// How many files have been mapped.
  var fileCount: Int { paths.count }

  func code(of module: ModuleID, in range: Range<UInt64>, beside mapping: CodeMapping) -> (
    range: Range<UInt64>, fileOffset: UInt64
  )? { (range, mapping.fileOffset &+ range.lowerBound &- mapping.start) }

  func is64Bit(_ module: ModuleID) -> Bool { self[module] != nil }

  func address(ofFileOffset offset: UInt64, in module: ModuleID) -> UInt64? {
    offset < SyntheticProgram.size ? offset : nil
  }

  func row(for address: UInt64, in module: ModuleID, _ budget: inout FrameBudget) throws(CFIError) -> DescribedRow? {
    try self[module]?.frames.row(for: address, &budget)
  }

  func code(aroundFileOffset offset: UInt64, in module: ModuleID) -> CodeWindow {
    guard let code = self[module]?.code, offset < code.count else { return CodeWindow() }
    let start = max(0, Int(offset) - CodeWindow.reach)
    return CodeWindow(
      Array(code[start..<min(code.count, Int(offset) + CodeWindow.reach)]), here: Int(offset) - start)
  }

  func isEntry(_ address: UInt64, in module: ModuleID) -> Bool { false }

  func copyProcess(_ parent: Int32, to child: Int32) { copied.append([parent, child]) }

  func forgetProcess(_ pid: Int32) { forgotten.append(pid) }
}

/// A synthetic process: one program at `base`, and a stack.
struct SyntheticProcess {
  static let base: UInt64 = 0x7F00_0000_0000
  static let stack: UInt64 = 0x7FFF_0000_0000

  let source = ScriptedCode()
  var space = AddressSpace()

  init(_ program: SyntheticProgram) {
    let module = source.add(program)
    space.add(
      Mapping(start: Self.base, end: Self.base + UInt64(SyntheticProgram.size), fileOffset: 0, module: module))
  }

  struct Walk {
    var frames: [Frame]
    var end: StackEnd
    var counters: UnwindCounters
    /// Relative to the program.
    var addresses: [UInt64] { frames.map { $0.code.address &- SyntheticProcess.base } }
    var guessed: [Bool] { frames.map(\.isGuessed) }
  }

  /// Walks up from registers (by DWARF number) with the words of a stack.
  func walk<Machine: Architecture>(
    _: Machine.Type, _ registers: [Int: UInt64], _ words: [UInt64], start: UInt64 = Self.stack, limit: Int = 1024,
    returns: PendingReturns? = nil
  ) -> Walk {
    var core = UnwindCore<Machine>(source: source)
    return walk(&core, registers, words, start: start, limit: limit, returns: returns)
  }

  func walk<Machine: Architecture>(
    _ core: inout UnwindCore<Machine>, _ registers: [Int: UInt64], _ words: [UInt64], start: UInt64 = Self.stack,
    limit: Int = 1024, returns: PendingReturns? = nil
  ) -> Walk {
    var all = UserRegisters()
    for (number, value) in registers { all[number] = value }
    var frames = FlatArray<Frame>()
    let end = words.withUnsafeBytes {
      core.unwind(all, StackBytes(start: start, bytes: $0), space, limit: limit, returns, into: &frames)
    }
    return Walk(frames: Array(frames.elements), end: end, counters: core.allCounters)
  }
}
