internal import TraceModel

/// Names of code that a run-time compiler made: `START SIZE NAME` a line, hexadecimal, in `/tmp/perf-PID.map`. Code is replaced:
/// where lines overlap, the last one is true.
package struct PerfMap: Sendable {
  private struct Line: BitwiseCopyable {
    var start: UInt64
    /// The address of the first byte behind the code.
    var end: UInt64
    var name: UInt32
    var nameEnd: UInt32
  }

  /// The most lines that are read.
  private static let limit = 1 << 21
  /// The most bytes of a name that are read; what follows them is left out.
  private static let nameLimit = 1 << 13
  private static let nobody = UInt32.max

  private let text: [UInt8]
  private let lines: [Line]
  /// The addresses where some line starts or ends, in order.
  private let bounds: [UInt64]
  /// The number of the line that is true from a bound to the next one.
  private let owners: [UInt32]

  /// Reads the lines that are whole and leaves the others out; the last one may not be written to its end yet.
  package init(_ text: [UInt8]) {
    var lines: [Line] = []
    text.withUnsafeBufferPointer { bytes in
      var start = 0
      while lines.count < Self.limit, let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
        if let line = Self.line(bytes, start..<end) { lines.append(line) }
        start = end + 1
      }
    }
    self.text = text
    self.lines = lines
    (bounds, owners) = Self.settle(lines)
  }

  private static func line(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Line? {
    var place = range.lowerBound
    guard let start = number(bytes, &place, range.upperBound), let size = number(bytes, &place, range.upperBound),
      place < range.upperBound, case let (end, overflow) = start.addingReportingOverflow(size), !overflow, end > start,
      let name = UInt32(exactly: place), let nameEnd = UInt32(exactly: min(range.upperBound, place + nameLimit))
    else { return nil }
    return Line(start: start, end: end, name: name, nameEnd: nameEnd)
  }

  /// Reads hexadecimal digits, with or without `0x`, and the spaces behind them.
  private static func number(_ bytes: UnsafeBufferPointer<UInt8>, _ place: inout Int, _ end: Int) -> UInt64? {
    if place + 1 < end, bytes[place] == UInt8(ascii: "0"), bytes[place + 1] | 0x20 == UInt8(ascii: "x") { place += 2 }
    var value: UInt64 = 0
    let first = place
    while place < end, let digit = digit(bytes[place]) {
      guard value >> 60 == 0 else { return nil }
      value = value << 4 | UInt64(digit)
      place += 1
    }
    guard place > first, place < end, bytes[place] == UInt8(ascii: " ") else { return nil }
    while place < end, bytes[place] == UInt8(ascii: " ") { place += 1 }
    return value
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Gives each piece between two bounds to the last line that covers it: from the last line to the first, each takes what
  /// nobody has taken, and `free` skips what is taken.
  private static func settle(_ lines: [Line]) -> (bounds: [UInt64], owners: [UInt32]) {
    var bounds = lines.flatMap { [$0.start, $0.end] }.sorted()
    var kept = 0
    for index in bounds.indices where kept == 0 || bounds[kept - 1] != bounds[index] {
      bounds[kept] = bounds[index]
      kept += 1
    }
    bounds.removeSubrange(kept...)
    var owners = [UInt32](repeating: nobody, count: bounds.count)
    var free = Array(0...bounds.count)
    func next(_ start: Int) -> Int {
      var place = start
      while free[place] != place {
        free[place] = free[free[place]]
        place = free[place]
      }
      return place
    }
    for number in lines.indices.reversed() {
      var place = next(partitionPoint(of: bounds.count) { bounds[$0] < lines[number].start })
      while place < bounds.count, bounds[place] < lines[number].end {
        owners[place] = UInt32(number)
        free[place] = place + 1
        place = next(place)
      }
    }
    return (bounds, owners)
  }

  /// The code that `address` is a part of.
  package func symbol(at address: UInt64) -> (name: String, start: UInt64)? {
    let count = partitionPoint(of: bounds.count) { bounds[$0] <= address }
    guard count > 0, owners[count - 1] != Self.nobody else { return nil }
    let line = lines[Int(owners[count - 1])]
    return (String(decoding: text[Int(line.name)..<Int(line.nameEnd)], as: UTF8.self), line.start)
  }
}
