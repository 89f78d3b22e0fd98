internal import Glibc
internal import SystemPackage
package import TraceModel

extension PerfEventSource {
  /// Opens the events on CPUs that have come online; they are looked for ten times a second. `came`: the CPUs that are sampled
  /// now. `failure`: why one is not; it is left alone until it has been offline. What is drained meanwhile goes to `store` and
  /// `changes`.
  package mutating func followCPUs(
    _ store: inout StackSampleStore, changes: inout [ProcessChange]
  ) -> (came: [Int], failure: PerfEventFailure?) {
    let now = MonotonicClock.now
    guard now >= nextCPUCheck else { return ([], nil) }
    nextCPUCheck = now + 100_000_000
    let online = onlineCPUs()
    refused.formIntersection(online)
    var came: [Int] = []
    var failure: PerfEventFailure?
    for cpu in online where !cpus.contains(cpu) && !left.contains(cpu) && !refused.contains(cpu) {
      let before = (rings: rings.count, events: events.mapValues(\.count))
      do throws(PerfEventFailure) {
        try follow(cpu, &store, &changes)
        guard !left.contains(cpu) else { continue }
        cpus.append(cpu)
        came.append(cpu)
      } catch {
        drainNow(&store, &changes)
        close(all: before.events, but: before.rings)
        refused.insert(cpu)
        failure = failure ?? error
      }
    }
    return (came, failure)
  }

  /// Opens the events of all threads of all processes on one more CPU, those too that are created meanwhile.
  ///
  /// A thread inherits the events that its creator has at that moment. One created before its creator got its event on this CPU
  /// has those on the other CPUs alone, and gets this one here; one created later has it. The times of their records tell. A
  /// thread of which there is no record was created on this CPU, where its creator had no event yet.
  private mutating func follow(
    _ cpu: Int, _ store: inout StackSampleStore, _ changes: inout [ProcessChange]
  ) throws(PerfEventFailure) {
    // Since when threads have their events there, ns.
    var since: [Int32: UInt64] = [:]
    while true {
      let threads = processes.pids.flatMap { pid in TargetProcess.threads(of: pid).map { (pid: pid, tid: $0) } }
      let first = changes.count
      drainNow(&store, &changes)
      for change in changes[first...] {
        guard case .created(let parent, let creator) = change.kind, let start = since[creator],
          change.timestamp >= start, change.pid == parent || processes.followsChildren
        else { continue }
        since[change.tid] = change.timestamp
      }
      let new = threads.filter { since[$0.tid] == nil }
      if new.isEmpty { return }
      let needed = (eventCount + new.count * sampling.sources.count) + 256
      for (pid, tid) in new {
        do throws(EventFailure) {
          for source in sampling.sources { try open(source, tid, of: pid, on: [cpu]) }
          since[tid] = MonotonicClock.now
          processes.cover(tid, of: pid)
        } catch {
          // It has ended.
          since[tid] = .max
          if error.error == .noSuchProcess { continue }
          throw PerfEventFailure(
            error: error.error, isOfRings: error.isOfRings, threads: threads.count, needed: needed, limit: 0)
        }
      }
    }
  }

  /// Takes in all that is there, so that what is known of threads is as new as their list. What comes later may be older.
  private mutating func drainNow(_ store: inout StackSampleStore, _ changes: inout [ProcessChange]) {
    let before = watermark
    // A thread can be listed before the record of its creation is there.
    usleep(1000)
    drain(before: MonotonicClock.now, into: &store, changes: &changes)
    watermark = before
  }

  /// Closes the events that were opened after there had been `events` of each source and `rings` rings.
  private mutating func close(all events: [StackSampleSource: Int], but rings: Int) {
    self.rings.removeLast(downTo: rings)
    for (source, list) in self.events {
      let kept = events[source] ?? 0
      for event in list[kept...] {
        closedLoss[source, default: 0] += Self.lost(of: event.descriptor)
        try? event.descriptor.close()
      }
      self.events[source] = Array(list[..<kept])
    }
  }
}
