internal import Glibc

/// How large a recording may become.
struct RecordingLimits {
  /// The most bytes of a segment; nil: the recording is one.
  var segmentSize: UInt64?
  /// The number of segments that are kept, the one that grows included.
  var segments = 1
  /// The share of its file system that a recording leaves free, percent.
  var reserve = 5.0

  /// The share of the file system that `directory` is in, or would be, that is free to this process, percent; nil where the system
  /// does not say.
  static func free(_ directory: String) -> Double? {
    var path = directory
    while true {
      var state = statvfs()
      if statvfs(path, &state) == 0 {
        return state.f_blocks > 0 ? Double(state.f_bavail) * 100 / Double(state.f_blocks) : nil
      }
      guard errno == ENOENT else { return nil }
      path = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }
  }

  /// Fails where the file system has less room than is to be left.
  func requireRoom(_ directory: String) throws(ToolError) {
    guard let free = Self.free(directory), free < reserve else { return }
    throw ToolError(
      status: .outputFailed,
      what: "cannot write a recording to \(directory): \(Self.text(free)) of its file system are free, "
        + "less than the reserve of \(Self.text(reserve))",
      remedy: "choose another place, make room, or lower --disk-reserve")
  }

  /// A share in percent, as it is said.
  static func text(_ percent: Double) -> String { "\((percent * 10).rounded() / 10) %" }
}
