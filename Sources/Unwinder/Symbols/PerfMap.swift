internal import TraceModel

/// Names of code that a run-time compiler made: `START SIZE NAME` a line, hexadecimal, in `/tmp/perf-PID.map`.
package struct PerfMap: Sendable {
  private struct Entry {
    var start: UInt64
    var size: UInt64
    var name: Range<Int>
  }

  /// Lines that are read.
  private static let limit = 1 << 20

  private let text: [UInt8]
  /// By address; of those at one address the last written.
  private let entries: [Entry]

  /// Reads the lines that are whole and leaves the others out.
  package init(_ text: [UInt8]) {
    var found: [Entry] = []
    for line in text.split(separator: UInt8(ascii: "\n")) where found.count < Self.limit {
      let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
      guard fields.count == 3, let start = Self.number(fields[0]), let size = Self.number(fields[1]), size > 0 else {
        continue
      }
      found.append(Entry(start: start, size: size, name: fields[2].startIndex..<fields[2].endIndex))
    }
    let order = found.indices.sorted { (found[$0].start, $0) < (found[$1].start, $1) }
    var entries: [Entry] = []
    for index in order {
      if entries.last?.start == found[index].start { entries.removeLast() }
      entries.append(found[index])
    }
    self.text = text
    self.entries = entries
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
    let digits = digits.starts(with: [UInt8(ascii: "0"), UInt8(ascii: "x")]) ? digits.dropFirst(2) : digits
    return UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  /// The code that `address` is a part of.
  package func symbol(at address: UInt64) -> (name: String, start: UInt64)? {
    let count = partitionPoint(of: entries.count) { entries[$0].start <= address }
    guard count > 0, address - entries[count - 1].start < entries[count - 1].size else { return nil }
    return (String(decoding: text[entries[count - 1].name], as: UTF8.self), entries[count - 1].start)
  }
}
