internal import Glibc

/// How large a recording may become.
struct RecordingLimits {
  /// The most bytes of all segments; nil: the recording is one.
  var size: UInt64?
  /// The number of segments that are kept, the one that grows included.
  var segments = 1
  /// The size at which a segment ends, bytes; nil where there are none. A turn of reading can bring some more.
  var segmentSize: UInt64? { size.map { $0 / UInt64(segments) * 3 / 4 } }
  /// The share of its file system that a recording leaves free, percent.
  var reserve = 5.0

  /// How many bytes a recording in `directory`, which may not be there yet, may grow before less than the reserve is free; negative where
  /// it is that already, nil where the system does not say. And the share that is free, percent.
  func room(_ directory: String) -> (bytes: Double, free: Double)? {
    var path = directory
    while true {
      var state = statvfs()
      if statvfs(path, &state) == 0 {
        guard state.f_blocks > 0 else { return nil }
        let (all, free) = (Double(state.f_blocks), Double(state.f_bavail))
        return ((free - all * reserve / 100) * Double(state.f_frsize), free * 100 / all)
      }
      guard errno == ENOENT else { return nil }
      path = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }
  }

  /// Fails where the file system has less room than is to be left.
  func requireRoom(_ directory: String) throws(ToolError) {
    guard let room = room(directory), room.bytes < 0 else { return }
    throw ToolError(
      status: .outputFailed, what: "cannot write a recording to \(directory): \(lack(room.free))",
      remedy: "choose another place, make room, or lower --disk-reserve")
  }

  /// What is said where `free` percent of the file system are free.
  func lack(_ free: Double) -> String {
    "\(Self.text(free)) of its file system are free, less than the reserve of \(Self.text(reserve))"
  }

  /// A share in percent, as it is said.
  private static func text(_ percent: Double) -> String { "\((percent * 10).rounded() / 10) %" }
}
