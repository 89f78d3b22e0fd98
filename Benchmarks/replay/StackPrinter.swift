internal import Binaries
internal import Glibc
internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource
internal import Unwinder

/// Prints stacks: with names as the tool's reports have them, or as addresses.
///
/// As in the tool, a stack is interned, and the names of each distinct one are found and written once.
struct StackPrinter: ~Copyable {
  /// Distinct stacks whose text is kept; when there are more, it is made anew.
  private static let limit = 1 << 14

  private var symbolizer: Symbolizer
  private var table = StackTable(limit: limit)
  private var places = FlatArray<StackPlace>(capacity: 256)
  /// By the stack's number.
  private var texts: [[UInt8]] = []
  private var output: [UInt8] = []

  /// `findsSources`: lines and inlined functions too.
  init(findsSources: Bool) {
    symbolizer = Symbolizer(findsSources: findsSources)
    output.reserveCapacity(1 << 17)
  }

  mutating func printAll(_ path: String, depth: Int) throws {
    var file = try PerfFile.open(path)
    var replay = Replay(depth: depth)
    let modules = replay.modules
    try replay.run(&file) { sample, frames, _ in
      Self.appendDecimal(UInt64(bitPattern: Int64(sample.stamp.tid)), to: &output)
      output.append(UInt8(ascii: " "))
      Self.appendDecimal(sample.stamp.timestamp, to: &output)
      output.append(UInt8(ascii: ":"))
      output.append(UInt8(ascii: "\n"))
      write(frames, modules)
      output.append(UInt8(ascii: "\n"))
      if output.count > 1 << 16 { flush() }
    }
    flush()
  }

  /// The first stack alone that goes through a file, and how long it took from the start.
  mutating func printFirst(_ path: String, through name: String) throws {
    let start = MonotonicClock.now
    var file = try PerfFile.open(path)
    var replay = Replay(depth: 1024)
    let modules = replay.modules
    var end: UInt64 = 0
    try replay.run(&file) { _, frames, _ in
      let isThere = frames.elements.contains { modules[$0.module]?.identity.name == name[...] }
      guard end == 0, isThere else { return }
      write(frames, modules)
      end = MonotonicClock.now
    }
    flush()
    guard end > 0 else { return print("no stack goes through \(name)") }
    print("first stack after \(Double((end - start) / 10_000) / 100) ms")
  }

  private mutating func write(_ frames: borrowing FlatArray<Frame>, _ modules: ModuleTable) {
    guard frames.count > 0 else { return }
    places.removeAll()
    for index in 0..<frames.count { places.append(StackPlace(frames[index])) }
    var number = table.intern(places)
    if number == nil {
      table.removeAll()
      texts.removeAll(keepingCapacity: true)
      number = table.intern(places)
    }
    guard let number else { return }
    if number < texts.count { return output += texts[number] }
    var text: [UInt8] = []
    for place in table.places(of: number) {
      Self.appendHex(place.address, to: &text)
      for found in symbolizer.frames(of: place, in: modules[place.module]?.reference) {
        let (symbol, offset) = (found.symbol ?? "[unknown]", String(found.offset, radix: 16))
        text += Array(" \(symbol)+0x\(offset) (\(found.module)) \(found.source ?? "")\n".utf8)
      }
    }
    output += text
    texts.append(text)
  }

  private mutating func flush() {
    Self.write(output, to: STDOUT_FILENO)
    output.removeAll(keepingCapacity: true)
  }

  private static func appendDecimal(_ value: UInt64, to text: inout [UInt8]) {
    var (rest, power) = (value, UInt64(1))
    while value / power >= 10 { power *= 10 }
    while power > 0 {
      text.append(UInt8(ascii: "0") + UInt8(rest / power))
      rest %= power
      power /= 10
    }
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
