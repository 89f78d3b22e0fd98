internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage
internal import TraceFormat
package import TraceModel

/// The stack samples of the target's processes, from perf events on their threads.
///
/// One event per (thread, CPU, source), which threads created later inherit; all of a CPU's events of one source write to one
/// ring. (Docs/measurements/stack-samples.md has the figures of this and of the alternative, events on CPUs that the kernel
/// filters by tid: those cannot carry the clock, nor 500 tids in one filter.)
///
/// Samples and changes are passed on in order of time, by the rule of `EventMerger`: whoever drains reads the clock first, and
/// records up to that reading, less the settling time, are complete. The rings hold what is younger until the next drain.
///
/// A syscall is certain to be seen only if it began after `attach` had returned: open the events first, then record syscalls.
package struct PerfEventSource: ~Copyable {
  package let sampling: StackSampling
  var opener: PerfEventOpener
  private let decoder: PerfRecordDecoder
  let tracefs: any TracefsAccess
  /// The perf.data file that all records go to as well; nil where there is none.
  var recording: PerfRecording?
  /// The CPUs that threads have events on.
  var cpus: [Int]
  /// The CPUs that went offline when some threads had events there, and others had not.
  var left: Set<Int> = []
  var rings: PerfRingTable
  /// An event that is open, and the family of processes that have it; see `SampledProcesses`.
  struct Event {
    var descriptor: FileDescriptor
    var family: Int
  }

  /// All events; owned, closed in `deinit`.
  var events: [StackSampleSource: [Event]] = [:]
  var processes: SampledProcesses
  /// Processes whose events an exec has taken away, and that have no others yet.
  private var renewed: Set<Int32> = []
  /// The process of the last sample.
  private var recentPID: Int32 = -1
  /// The CPUs that events were refused on when they had come online.
  var refused: Set<Int> = []
  /// The CPUs that are online; tests name others.
  var onlineCPUs: () -> [Int] = { (try? OnlineCPUs.read()) ?? [] }
  /// When the list of CPUs is read next, ns.
  var nextCPUCheck: UInt64 = 0
  /// The numbers of lost samples of events that were closed.
  var closedLoss: [StackSampleSource: UInt64] = [:]
  var watermark: UInt64 = 0
  /// The number of bytes of all records that were passed on.
  private var bytesRead: UInt64 = 0
  private var counted = StackSampleLoss()

  /// The most bytes of the rings of all CPUs together, where that much memory may be locked.
  package static let mostRingBytes = 256 << 20

  /// The number of descriptors that are left to the rest of the program.
  private static let sparedDescriptors = 128

  /// Prepares the sampling; `attach` starts it. `followsChildren`: processes that the sampled ones make are sampled too.
  /// `ringBytes`: for the rings of all CPUs together.
  package init(
    _ tracefs: any TracefsAccess, sampling: StackSampling, followsChildren: Bool = false,
    ringBytes: Int = Self.mostRingBytes
  ) throws(CaptureError) {
    let opener = try PerfEventOpener(tracefs, sampling, followsChildren: followsChildren)
    let cpus = try OnlineCPUs.read()
    processes = SampledProcesses(followsChildren: followsChildren)
    self.tracefs = tracefs
    self.sampling = sampling
    self.opener = opener
    self.cpus = cpus
    decoder = PerfRecordDecoder(layout: opener.layout)
    rings = PerfRingTable(
      ringCount: cpus.count * sampling.sources.count, most: OnlineCPUs.possibleCount * sampling.sources.count,
      totalBytes: ringBytes)
  }

  deinit {
    for list in events.values {
      for event in list { try? event.descriptor.close() }
    }
  }

  /// Opens the events of all threads of `targets`, as many times as new ones turn up, and passes on what they bring so far. Can
  /// be called at any time for further processes. Where it fails, these have no events, and the others keep theirs.
  package mutating func attach(
    to targets: [TargetProcess], _ store: inout StackSampleStore, changes: inout [ProcessChange]
  ) throws(PerfEventFailure) {
    let before = watermark
    let known = Set(processes.pids)
    repeat {
      let threads = targets.map { (pid: $0.pid, tids: $0.threads) }
      // A thread can be listed before the record of its creation is there, which tells that it has inherited its events.
      // Where that comes later still, the thread is sampled twice.
      if eventCount > 0 { usleep(1000) }
      drain(before: MonotonicClock.now, into: &store, changes: &changes)
      watermark = before
      do throws(PerfEventFailure) {
        guard try watch(threads) > 0 else { return }
      } catch {
        for (pid, _) in threads where !known.contains(pid) { processes.remove(pid) }
        closeExtinct()
        throw error
      }
    } while true
  }

  /// Opens the events of those of the threads that have none, and returns how many these were. What was drained so far tells
  /// which have inherited theirs.
  package mutating func watch(_ threads: [(pid: Int32, tids: [Int32])]) throws(PerfEventFailure) -> Int {
    let new = threads.map { process in (process.pid, process.tids.filter { !processes.covers($0, of: process.pid) }) }
    let count = new.reduce(0) { $0 + $1.1.count }
    let needed = eventCount + count * cpus.count * sampling.sources.count + 2 * Self.sparedDescriptors
    let limit = kdelay_raise_descriptor_limit(UInt64(needed))
    // Without a descriptor nothing of /proc can be read, and living processes would look as if they had ended.
    guard needed - Self.sparedDescriptors <= limit || count == 0 else {
      throw PerfEventFailure(
        error: .tooManyOpenFiles, threads: threads.reduce(0) { $0 + $1.tids.count }, needed: needed, limit: limit)
    }
    var opened = 0
    for (pid, tids) in new where !tids.isEmpty {
      processes.add(pid)
      let isNew = processes[pid]?.covered.isEmpty ?? true
      var described: [Int32] = []
      for tid in tids {
        do throws(EventFailure) {
          for source in sampling.sources { try open(source, tid, of: pid, on: cpus) }
          processes.cover(tid, of: pid)
          described.append(tid)
          opened += 1
        } catch {
          // It has ended.
          if error.error == .noSuchProcess { continue }
          throw PerfEventFailure(
            error: error.error, isOfRings: error.isOfRings, threads: threads.reduce(0) { $0 + $1.tids.count },
            needed: needed, limit: limit)
        }
      }
      let (start, isRenewed) = (watermark, renewed.remove(pid) != nil)
      recording?.describe(described, of: pid, at: start, withMappings: isNew, byExec: isRenewed)
      // All its threads have ended, and no record will tell.
      if processes[pid]?.covered.isEmpty ?? true { processes.remove(pid) }
    }
    return opened
  }

  /// Why an event could not be opened, or had no ring.
  struct EventFailure: Error {
    let error: Errno
    let isOfRings: Bool
  }

  mutating func open(
    _ source: StackSampleSource, _ tid: Int32, of pid: Int32, on cpus: [Int]
  ) throws(EventFailure) {
    let family = processes[pid]?.family ?? 0
    for cpu in cpus {
      var isOfRings = false
      do throws(Errno) {
        let event = try opener.open(source, tid: tid, cpu: cpu)
        isOfRings = true
        try rings.attach(event.descriptor, cpu: cpu, source: source)
        events[source, default: []].append(Event(descriptor: event.take(), family: family))
      } catch {
        // The CPU has gone offline.
        guard error.rawValue == ENODEV || error.rawValue == ENXIO else {
          throw EventFailure(error: error, isOfRings: isOfRings)
        }
        self.cpus.removeAll { $0 == cpu }
        if processes.coveredCount > 0 { left.insert(cpu) }
      }
    }
  }

  // MARK: Events that are missing

  /// What became of events that an exec had taken away.
  package enum Reopening: Equatable {
    /// There were none for so long, ns, in which nothing told of mappings.
    case done(after: UInt64)
    /// The process had ended.
    case tooLate
  }

  /// Opens the events again that an exec has taken away: one that gave its process other privileges, as of a setuid program, or
  /// whose program may not be read. Returns what became of each such process. Processes that have ended are forgotten, and
  /// their events closed, as soon as nobody has inherited them.
  package mutating func reopen(
    _ store: inout StackSampleStore, changes: inout [ProcessChange]
  ) -> [(pid: Int32, result: Result<Reopening, PerfEventFailure>)] {
    guard !processes.doubtful.isEmpty else { return [] }
    var results: [(pid: Int32, result: Result<Reopening, PerfEventFailure>)] = []
    for (pid, end, endedByExec) in processes.takeDoubtful() {
      do throws(PerfEventFailure) {
        guard let result = try reopen(pid, since: end, endedByExec, &store, &changes) else { continue }
        results.append((pid, .success(result)))
      } catch {
        results.append((pid, .failure(error)))
      }
    }
    closeExtinct()
    return results
  }

  /// Nil where no events were taken away.
  private mutating func reopen(
    _ pid: Int32, since end: UInt64, _ endedByExec: Bool, _ store: inout StackSampleStore,
    _ changes: inout [ProcessChange]
  ) throws(PerfEventFailure) -> Reopening? {
    let hadEvents = !(processes[pid]?.covered.isEmpty ?? true)
    guard let status = ProcessStatus.read(pid: pid), !status.isZombie else {
      // Other threads of it may live on.
      if !hadEvents { processes.remove(pid) }
      return endedByExec ? .tooLate : nil
    }
    if !hadEvents {
      processes.renew(pid)
      renewed.insert(pid)
    }
    if processes.coveredCount == 0 { readCPUs() }
    try attach(to: [TargetProcess(pid: pid, name: status.name)], &store, changes: &changes)
    // A first thread that has really ended (`pthread_exit`) is listed and takes no events.
    guard endedByExec || processes.covers(pid, of: pid) else { return nil }
    guard processes[pid] != nil else { return .tooLate }
    return .done(after: MonotonicClock.now - min(end, MonotonicClock.now))
  }

  /// Nobody has events any more: CPUs that went offline may be back.
  private mutating func readCPUs() {
    cpus = (try? OnlineCPUs.read()) ?? cpus
    left = []
    refused = []
  }

  /// Closes the events that nobody has any more, so that processes that come and go, or one that replaces itself for ever, do not
  /// take ever more descriptors. Those that have a ring stay.
  private mutating func closeExtinct() {
    let extinct = processes.takeExtinct()
    guard !extinct.isEmpty else { return }
    for (source, list) in events {
      var kept: [Event] = []
      for event in list {
        if !extinct.contains(event.family) || rings.isOwner(event.descriptor) {
          kept.append(event)
        } else {
          closedLoss[source, default: 0] += Self.lost(of: event.descriptor)
          try? event.descriptor.close()
        }
      }
      events[source] = kept
    }
  }

  // MARK: Reading

  /// Passes on what happened before `limit`, ns: samples to `store`, changes to `changes`, both in order of time.
  package mutating func drain(
    before limit: UInt64, into store: inout StackSampleStore, changes: inout [ProcessChange]
  ) {
    rings.refresh(decoder)
    while let next = rings.next(before: limit) {
      if next.timestamp < watermark { counted.late += 1 }
      recording?.take(next.record, of: next.source, at: next.timestamp)
      do throws(PerfRecordFailure) {
        switch try decoder.decode(next.record) {
        case .sample(let sample): keep(sample, next.source, next.record, &store)
        case .lost(let count, _), .lostSamples(let count, _): counted[next.source] += count
        case .throttle: counted.throttled += 1
        case let other: note(other, next.record, &changes)
        }
      } catch {
        counted.malformed += 1
      }
      bytesRead += UInt64(next.record.count)
      rings.advance(over: next.record, decoder)
    }
    rings.release()
    watermark = max(watermark, limit)
    recording?.endRound()
  }

  @inline(__always)
  private mutating func keep(
    _ sample: PerfSample, _ source: StackSampleSource, _ record: UnsafeRawBufferPointer, _ store: inout StackSampleStore
  ) {
    guard isTargets(sample.stamp.pid) else { return }
    // A thread that ends has no user space any more.
    guard sample.registers.known != 0 else { return }
    store.append(
      StackSample(
        timestamp: sample.stamp.timestamp, pid: sample.stamp.pid, tid: sample.stamp.tid,
        cpu: UInt16(truncatingIfNeeded: sample.stamp.cpu), source: source, registers: sample.registers,
        dumpSize: sample.dumpSize),
      callchain: record.bytes(at: sample.kernelCallchain),
      stack: record.bytes(at: sampling.followsFramePointers ? sample.userCallchain : sample.userStack))
  }

  /// Before Linux 5.13 child processes inherit as well, whether they are the target's or not.
  @inline(__always)
  private mutating func isTargets(_ pid: Int32) -> Bool {
    if processes.followsChildren || pid == recentPID { return true }
    guard processes[pid] != nil else { return false }
    recentPID = pid
    return true
  }

  private mutating func note(
    _ record: PerfRecord, _ bytes: UnsafeRawBufferPointer, _ changes: inout [ProcessChange]
  ) {
    guard let change = ProcessChange(record, bytes) else { return }
    if case .exited = change.kind { recentPID = -1 }
    processes.note(change)
    recording?.note(change)
    changes.append(change)
  }

  // MARK: Loss

  /// What was lost so far. Where the kernel counts per event (Linux 6.0), the counts are asked for: a ring tells of its losses
  /// with the next record that finds room, which may never come. That is one read per event: for a report, not for each drain.
  package mutating func loss() -> StackSampleLoss {
    var loss = counted
    loss.malformed += rings.malformed
    let lost = eventLoss()
    for source in sampling.sources { loss[source] = max(loss[source], lost[source]) }
    // Whoever reads the file up to here is told the same.
    let end = max(watermark, 1) - 1
    recording?.note(lost: lost, at: end)
    return loss
  }

  /// What the kernel counts as lost per event; nothing where it does not.
  func eventLoss() -> StackSampleLoss {
    var loss = StackSampleLoss()
    guard opener.countsLost else { return loss }
    for (source, list) in events {
      loss[source] = list.reduce(closedLoss[source] ?? 0) { $0 + Self.lost(of: $1.descriptor) }
    }
    return loss
  }

  static func lost(of event: FileDescriptor) -> UInt64 {
    var values: (value: UInt64, lost: UInt64) = (0, 0)
    return read(event.rawValue, &values, 16) == 16 ? values.lost : 0
  }

  /// The number of events that are open; each takes a descriptor.
  package var eventCount: Int { events.values.reduce(0) { $0 + $1.count } }

  /// How much was drained so far, in rings: 1 is what a CPU can write before the kernel has to drop samples.
  func ringsRead() -> Double { Double(bytesRead) / Double(rings.ringSize) }

  /// The number of bytes of all rings.
  package var ringBytes: Int { rings.bytes }
}

extension UnsafeRawBufferPointer {
  /// The bytes at a span that the decoder gave for them.
  @inline(__always)
  fileprivate func bytes(at span: ByteSpan) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[span.offset..<span.offset &+ span.length])
  }
}
