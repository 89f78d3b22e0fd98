internal import FuzzDriver
internal import Glibc
internal import TraceFile
internal import TraceFormat
internal import TraceModel

// A trace.dat: its head is read, and its records as a report would. Nothing may crash, hang, or read outside the file.

@_cdecl("trace_dat_fuzzer_main")
func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  var count = count
  var arguments = arguments
  return runFuzzer(&count, &arguments) { fuzzOneInput($0, $1) }
}

/// A file without a name, which holds one input after the other.
private let file: CInt = fileno(tmpfile())

func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard ftruncate(file, 0) == 0, pwrite(file, start, count, 0) == count else {
    fatalError("trace-dat-fuzzer: no room for a file")
  }
  let path = "/proc/self/fd/\(file)"
  do throws(TraceFileError) {
    let head = try TraceDatFile.open(path)
    precondition(!head.formats.isEmpty)
    _ = try? head.kallsyms()
    try readRecords(path)
  } catch {
    precondition(!error.reason.isEmpty && !error.remedy.isEmpty)
  }
  return 0
}

/// Twice, as a report does: for the tasks, and in the order of time.
private func readRecords(_ path: String) throws(TraceFileError) {
  var capture = try RecordedCapture.open(path)
  let tasks = try capture.tasks()
  precondition(!tasks.earlier.isEmpty && !capture.lacks(tasks).contains(""))
  let facts = RecordedFacts(tasks, begin: capture.begin)
  precondition(facts.threads(of: facts.process) != nil)
  var events: UInt64 = 0
  var isAtEnd = false
  while !isAtEnd {
    let (complete, wasBusy) = capture.reader.drain(now: .max)
    _ = capture.reader.release(before: complete) { run in
      for event in run where event.kind != .gapStart && event.kind != .gapEnd { events += 1 }
      return (run.count, false)
    }
    isAtEnd = !wasBusy
  }
  // A time beyond all clocks is never released.
  precondition(events <= capture.reader.eventsRead)
}
