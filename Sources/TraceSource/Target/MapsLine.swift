internal import TraceModel

/// A line of /proc/PID/maps.
struct MapsLine: Sendable {
  let start: UInt64
  let end: UInt64
  let fileOffset: UInt64
  let isCode: Bool
  let isWritable: Bool
  let isShared: Bool
  let device: (major: UInt32, minor: UInt32)
  let inode: UInt64
  private(set) var path: String

  /// The lines of a list of mappings. A file's name may end with a carriage return, which is one character with the line's end.
  static func lines(of text: String) -> [Substring] {
    text.utf8.split(separator: UInt8(ascii: "\n")).map { Substring($0) }
  }

  init?(_ line: Substring) {
    let columns = line.split(separator: " ", maxSplits: 5)
    guard columns.count >= 5 else { return nil }
    let range = columns[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
    let device = columns[3].split(separator: ":").compactMap { UInt32($0, radix: 16) }
    guard range.count == 2, range[0] < range[1], device.count == 2 else { return nil }
    (start, end) = (range[0], range[1])
    isCode = columns[1].contains("x")
    isWritable = columns[1].contains("w")
    isShared = columns[1].contains("s")
    fileOffset = UInt64(columns[2], radix: 16) ?? 0
    self.device = (device[0], device[1])
    inode = UInt64(columns[4]) ?? 0
    path = columns.count == 6 ? String(columns[5].drop { $0 == " " }).replacing("\\012", with: "\n") : "//anon"
  }

  mutating func removeRoot(_ root: String) {
    if !root.isEmpty, path.hasPrefix(root + "/") { path.removeFirst(root.count) }
  }

  var code: CodeMapping {
    CodeMapping(
      start: start, length: end - start, fileOffset: fileOffset, path: path, deviceMajor: device.major,
      deviceMinor: device.minor, inode: inode)
  }
}
