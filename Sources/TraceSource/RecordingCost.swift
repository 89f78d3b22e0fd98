internal import Glibc
internal import TraceFormat
internal import TraceModel

/// What recording costs a thread that makes syscalls, as measured on this machine just before a capture.
///
/// From `sys_exit`'s time stamp to the next `sys_enter`'s a thread is in user mode as far as events tell. In between, the kernel
/// finishes writing the one record and begins the other. A loop of calls that do nothing shows how long that takes: recorded,
/// the distance between the two stamps has it; a whole call that is not recorded is shorter than that. The difference is a
/// little too small, for the unrecorded call also has the syscall's own work.
package struct RecordingCost: Sendable {
  /// The number of calls that the loop makes; their records fit a small buffer.
  private static let calls = 2000
  private static let bufferKiB = 2048

  /// The time that a recorded syscall adds to what counts as the thread's own time, ns.
  package let perSyscall: UInt64

  /// Records the process's first thread, which has to be the caller, for a few milliseconds in an instance of its own, which is
  /// gone afterwards. Nil where nothing can be told.
  package static func measure(_ tracefs: any TracefsAccess, owner: InstanceOwner = .current) -> RecordingCost? {
    try? measured(tracefs, owner)
  }

  private static func measured(_ tracefs: any TracefsAccess, _ owner: InstanceOwner) throws(CaptureError)
    -> RecordingCost?
  {
    let events = [TracedEvent.syscallEnter, .syscallExit]
    let decoder = PageDecoder(
      layout: try PageLayout.read(tracefs), table: try EventTable.read(tracefs, events.map { ($0.name, $0.reading) }))
    let bare = (0..<5).map { _ in clocked(calls / 5) }.min() ?? 0
    let instance = try TracingInstance.create(
      tracefs, owner: owner, purpose: .calibration, settings: BufferSettings(bufferKiB: bufferKiB))
    try instance.watch(tids: [getpid()])
    for event in events { try instance.enable(event.name) }
    try instance.set("tracing_on", "1")
    _ = clocked(calls)
    try instance.set("tracing_on", "0")
    let between = try median(instance, decoder)
    try instance.close()
    guard let between else { return nil }
    return RecordingCost(perSyscall: between > bare ? between - bare : 0)
  }

  /// Makes calls; returns how long one takes, ns.
  private static func clocked(_ count: Int) -> UInt64 {
    let start = MonotonicClock.now
    for _ in 0..<count { _ = getppid() }
    return (MonotonicClock.now - start) / UInt64(count)
  }

  /// The median time from the end of one of the calls to the begin of the next, ns.
  private static func median(
    _ instance: borrowing TracingInstance, _ decoder: PageDecoder
  ) throws(CaptureError) -> UInt64? {
    var pages = LivePages(pageSize: instance.pageSize)
    try pages.add(instance, cpus: try instance.cpus(), decoder: decoder)
    var reader = StreamReader(pages)
    var distances: [UInt64] = []
    var end: UInt64?
    while reader.drain(now: .max).wasBusy {}
    _ = reader.release(before: .max) { run in
      for event in run {
        if event.kind == .syscallEnter, let end, event.timestamp >= end { distances.append(event.timestamp - end) }
        end = event.kind == .syscallExit ? event.timestamp : nil
      }
      return (run.count, false)
    }
    distances.sort()
    return distances.count < calls / 2 ? nil : distances[distances.count / 2]
  }
}
