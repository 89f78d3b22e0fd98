/// What the files of a recording are called, in its directory.
///
/// While it is written there are the head and the pieces. At the end trace.dat takes the head's place at once, and the pieces go into
/// it one after the other, each from its end on. So at any time what trace.dat does not hold yet is in the pieces: the bytes of a
/// piece replace as many at the beginning of its place in trace.dat.
package enum RecordingNames {
  package static let recording = "trace.dat"
  /// A trace.dat without data.
  package static let head = "trace.dat.head"
  /// What will be trace.dat or the head, until it is complete.
  static let unfinished = "trace.dat.new"
  package static let samples = "perf.data"
  /// The name of the buffer with the notes.
  package static let journal = "journal"

  /// The sub-buffers of one CPU, one after the other. `buffer`: its name; empty for the top one.
  package static func piece(buffer: String, cpu: Int) -> String {
    "\(recording).\(buffer.isEmpty ? "top" : buffer).cpu\(cpu)"
  }
}

extension RecordingNames {
  /// Whether a file of this name is one of a recording.
  static func isOfRecording(_ name: String) -> Bool {
    name == samples || name == recording || name.hasPrefix("\(recording).")
  }
}
