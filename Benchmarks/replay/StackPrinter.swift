internal import Binaries
internal import Glibc
internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource
internal import Unwinder

/// Prints stacks: with names as the tool's reports have them, or as addresses.
final class StackPrinter {
  /// What is written for a place, which is the same for each stack that goes through it.
  private struct Place: Hashable {
    let module: ModuleID
    let offset: UInt64
    let distance: UInt64
  }

  private var symbolizer: Symbolizer
  private var lines: [Place: [UInt8]] = [:]
  private var output: [UInt8] = []

  /// `findsSources`: lines and inlined functions too.
  init(findsSources: Bool) { symbolizer = Symbolizer(findsSources: findsSources) }

  func printAll(_ path: String, depth: Int) throws {
    var file = try PerfFile.open(path)
    var replay = Replay(depth: depth)
    let modules = replay.modules
    try replay.run(&file) { sample, frames, _ in
      output += Array("\(sample.stamp.tid) \(sample.stamp.timestamp):\n".utf8)
      for index in 0..<frames.count { write(frames[index], modules) }
      output.append(UInt8(ascii: "\n"))
      if output.count > 1 << 16 { flush() }
    }
    flush()
  }

  /// The first stack alone that goes through a file, and how long it took from the start.
  func printFirst(_ path: String, through name: String) throws {
    let start = MonotonicClock.now
    var file = try PerfFile.open(path)
    var replay = Replay(depth: 1024)
    let modules = replay.modules
    var end: UInt64 = 0
    try replay.run(&file) { _, frames, _ in
      let isThere = frames.elements.contains { modules[$0.module]?.identity.name == name[...] }
      guard end == 0, isThere else { return }
      for index in 0..<frames.count { write(frames[index], modules) }
      end = MonotonicClock.now
    }
    flush()
    guard end > 0 else { return print("no stack goes through \(name)") }
    print("first stack after \(Double((end - start) / 10_000) / 100) ms")
  }

  private func write(_ frame: Frame, _ modules: ModuleTable) {
    let place = Place(module: frame.module, offset: frame.offset, distance: frame.code.address &- frame.code.lookup)
    Self.appendHex(frame.code.address, to: &output)
    if let line = frame.module.isAnonymous ? nil : lines[place] { return output += line }
    var line: [UInt8] = []
    for found in symbolizer.frames(of: StackPlace(frame), in: modules[frame.module]?.reference) {
      let (symbol, offset) = (found.symbol ?? "[unknown]", String(found.offset, radix: 16))
      line += Array(" \(symbol)+0x\(offset) (\(found.module)) \(found.source ?? "")\n".utf8)
    }
    if !frame.module.isAnonymous { lines[place] = line }
    output += line
  }

  private func flush() {
    Self.write(output, to: STDOUT_FILENO)
    output.removeAll(keepingCapacity: true)
  }

  private static func appendHex(_ value: UInt64, to text: inout [UInt8]) {
    var shift = UInt64(60 - value.leadingZeroBitCount & ~3)
    if value == 0 { shift = 0 }
    while true {
      let digit = UInt8((value >> shift) & 15)
      text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
      if shift == 0 { return }
      shift -= 4
    }
  }

  /// Places in the files, of the instructions that run or called: what perf prints as `ip` of user space.
  static func printOffsets(_ path: String, depth: Int) throws {
    var file = try PerfFile.open(path)
    var replay = Replay(depth: depth)
    var text: [UInt8] = []
    try replay.run(&file) { sample, frames, end in
      text += Array("\(sample.stamp.tid) \(sample.stamp.timestamp) \(end)".utf8)
      for index in 0..<frames.count {
        text.append(UInt8(ascii: " "))
        appendHex(frames[index].offset, to: &text)
        if frames[index].isGuessed { text.append(UInt8(ascii: "?")) }
      }
      text.append(UInt8(ascii: "\n"))
    }
    write(text, to: STDOUT_FILENO)
    let counters = replay.unwinder.counters
    let summary =
      "\(replay.samples) samples, \(counters.frames) frames, \(counters.rows) by rows, \(counters.guesses) guessed,"
      + " \(file.malformed) records malformed, \(file.end)\n"
    write(Array(summary.utf8), to: STDERR_FILENO)
  }

  private static func write(_ bytes: [UInt8], to file: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      // Whoever read it is gone.
      guard count > 0 else { exit(1) }
      rest = rest.dropFirst(count)
    }
  }
}
