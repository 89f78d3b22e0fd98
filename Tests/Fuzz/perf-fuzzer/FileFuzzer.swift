internal import Glibc
internal import TraceFile
internal import TraceFormat

/// A file without a name, which holds one input after the other.
private let file: CInt = fileno(tmpfile())

/// A whole recording: read as `perf record` would have written it.
func fuzzFile(_ bytes: UnsafeRawBufferPointer) {
  guard ftruncate(file, 0) == 0, pwrite(file, bytes.baseAddress, bytes.count, 0) == bytes.count else {
    fatalError("perf-fuzzer: no room for a file")
  }
  fuzzEvents()
  guard var recording = try? PerfFile.open("/proc/self/fd/\(file)") else { return }
  precondition(!recording.events.isEmpty && recording.places.count <= bytes.count / 8)
  var decoded = 0
  try? recording.forEachRecord { _, record, place in
    precondition(record.count == Int(place.length))
    decoded += 1
  }
  precondition(decoded + Int(recording.malformed) <= recording.places.count)
}

/// The file as a recording by itself: its tracepoint samples as events.
private func fuzzEvents() {
  guard var capture = try? RecordedCapture.open("/proc/self/fd/\(file)") else { return }
  _ = try? capture.tasks()
  var isAtEnd = false
  while !isAtEnd {
    let (complete, wasBusy) = capture.reader.drain(now: .max)
    _ = capture.reader.release(before: complete) { run in (run.count, false) }
    isAtEnd = !wasBusy
  }
}
