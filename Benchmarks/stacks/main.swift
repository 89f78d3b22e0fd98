// Stack samples of a command: whether every slow syscall has one, and what was lost.
//
// usage: stack-sampling [--alone] [--no-samples] [--period NS] [--stack BYTES] [--record FILE] THRESHOLD_NS COMMAND
// [ARGUMENT...]
//
// Root. Records the command's syscalls beside the samples, matches both, and prints per syscall number how many lasted
// longer than the threshold and how many of these have a sample inside. With --alone syscalls are not recorded, with
// --no-samples no samples are taken: for what each costs the command. With --record the samples go to a perf.data file too.

internal import Binaries
internal import Glibc
internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource

var arguments = Array(CommandLine.arguments.dropFirst())
@MainActor
func flag(_ name: String) -> Bool {
  guard let index = arguments.firstIndex(of: name) else { return false }
  arguments.remove(at: index)
  return true
}
@MainActor
func text(_ name: String) -> String? {
  guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
  defer { arguments.removeSubrange(index...index + 1) }
  return arguments[index + 1]
}
@MainActor
func option(_ name: String) -> Int? { text(name).flatMap { Int($0) } }
let (isAlone, takesNone) = (flag("--alone"), flag("--no-samples"))
let (period, stackBytes) = (option("--period"), option("--stack"))
let recording = text("--record")
guard arguments.count >= 2, let threshold = UInt64(arguments[0]) else {
  print(
    "usage: stack-sampling [--alone] [--no-samples] [--period NS] [--stack BYTES] [--record FILE] THRESHOLD_NS COMMAND..."
  )
  exit(64)
}
var sampling = StackSampling(threshold: threshold, stackBytes: stackBytes ?? 8192)
sampling.isRecorded = recording != nil
if takesNone { sampling.sources = [] }
if let period { sampling.clockPeriod = UInt64(period) }

@MainActor
func run() throws {
  let tracefs = try MountedTracefs.find().tracefs
  var command = try CommandProcess(starting: Array(arguments.dropFirst()))
  let target = try TargetProcess.find(pid: command.pid)
  var store = StackSampleStore(byteLimit: 64 << 20, largestStack: sampling.stackBytes)
  var changes: [ProcessChange] = []
  var source = try PerfEventSource(tracefs, sampling: sampling)
  let modules = ModuleTable { TargetFiles(pid: $0, root: nil) }
  if let recording { try source.record(to: recording) { modules.buildID(of: $0, in: $1) } }
  try source.attach(to: [target], &store, changes: &changes)
  let start = MonotonicClock.now
  var slow = SlowSyscalls(threshold: threshold)
  var capture = try Capture(tracefs, settings: CaptureSettings(bufferKiB: 32 << 10))
  if !isAlone {
    try capture.setup.watch(tids: target.threads)
    try capture.setup.start(tids: target.threads)
  }
  try command.release()
  var changeCount = changes.count
  var hasEnded = false
  var rounds = 0
  var drainTime: UInt64 = 0
  while true {
    let complete =
      isAlone ? Settling.complete(at: MonotonicClock.now) : capture.reader.drain(now: MonotonicClock.now).complete
    changes.removeAll(keepingCapacity: true)
    let before = MonotonicClock.now
    source.drain(before: complete, into: &store, changes: &changes)
    drainTime += MonotonicClock.now - before
    changeCount += changes.count
    if !isAlone {
      _ = capture.reader.release(before: complete) { events in
        for event in events { slow.consume(event, from: start, &store) }
        return (events.count, false)
      }
    }
    // One round after the end: what it did last is settled then.
    if hasEnded { rounds += 1 }
    if rounds > 2 { break }
    hasEnded = command.hasEnded()
    usleep(10_000)
  }
  let loss = source.loss()
  try source.finishRecording()
  for (number, coverage) in slow.byNumber.sorted(by: { $0.key < $1.key }) {
    print(
      "syscall \(number): \(coverage.slow) slow, \(coverage.covered) covered, samples \(coverage.samples)"
        + (coverage.slow == coverage.covered ? "" : ", longest without \(coverage.longestMissed) ns"))
  }
  let all = slow.byNumber.values.reduce(into: (0, 0)) { $0 = ($0.0 + $1.slow, $0.1 + $1.covered) }
  print("all: \(all.0) slow, \(all.1) covered; \(slow.fast) fast; period \(sampling.clockPeriod)")
  print(
    "store: \(store.appended) appended, \(store.taken) taken, \(store.discarded) discarded, \(store.dropped) dropped,"
      + " \(store.count) left, room for \(store.capacity)")
  print(
    "lost: switches \(loss.switchOut), clock \(loss.clock), exits \(loss.syscallExit); throttled \(loss.throttled),"
      + " malformed \(loss.malformed), late \(loss.late); events lost \(capture.reader.loss.events)")
  print("drained in \(drainTime / max(store.appended, 1)) ns per sample")
  print("events: \(source.eventCount), rings \(source.ringBytes >> 10) KiB, changes \(changeCount)")
  if !isAlone { try capture.setup.stop() }
  try capture.close()
}

do { try run() } catch {
  print("\(error)")
  exit(1)
}
