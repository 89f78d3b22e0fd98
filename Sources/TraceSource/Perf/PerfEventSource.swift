internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage
internal import TraceFormat
package import TraceModel

/// The stack samples of one process, from perf events on its threads.
///
/// One event per (thread, CPU, source), which threads created later inherit; all of a CPU's events of one source write to one
/// ring. (Docs/measurements/stack-samples.md has the figures of this and of the alternative, events on CPUs that the kernel filters by
/// tid: those cannot carry the clock, nor 500 tids in one filter.)
///
/// Samples and changes are passed on in order of time, by the rule of `EventMerger`: whoever drains reads the clock first, and
/// records up to that reading, less the settling time, are complete. The rings hold what is younger until the next drain.
///
/// A syscall is certain to be seen only if it began after `attach` had returned: open the events first, then record syscalls.
package struct PerfEventSource: ~Copyable {
  let pid: Int32
  package let sampling: StackSampling
  var opener: PerfEventOpener
  private let decoder: PerfRecordDecoder
  /// That threads have events on.
  var cpus: [Int]
  /// CPUs that went offline when some threads had events there, and others had not.
  var left: Set<Int> = []
  var rings: PerfRingTable
  /// Of all events; owned, closed in `deinit`.
  var descriptors: [StackSampleSource: [FileDescriptor]] = [:]
  /// Threads that have events, opened or inherited.
  var covered: Set<Int32> = []
  /// When the thread by whose id the process goes was last said to end, ns: an exec that gives other privileges takes its
  /// events away in the same words.
  private var leaderEnd: UInt64?
  /// Whether the last record of the process told of an exec: the end that follows one at once is of the events alone.
  private var hasJustReplacedItself = false
  private var endedByExec = false
  /// CPUs that events were refused on when they had come online.
  var refused: Set<Int> = []
  /// The CPUs that are online; tests name others.
  var onlineCPUs: () -> [Int] = { (try? OnlineCPUs.read()) ?? [] }
  /// When the list of CPUs is read next, ns.
  var nextCPUCheck: UInt64 = 0
  /// Lost samples of events that were closed.
  var closedLoss: [StackSampleSource: UInt64] = [:]
  var watermark: UInt64 = 0
  /// Bytes of all records that were passed on.
  private var bytesRead: UInt64 = 0
  private var counted = StackSampleLoss()
  /// Samples of tasks that had no user space any more, as of a thread that ends.
  package private(set) var withoutUserSpace: UInt64 = 0

  /// For the rings of all CPUs together, where that much memory may be locked.
  package static let mostRingBytes = 256 << 20

  /// Prepares the sampling of process `pid`; `attach` starts it. `ringBytes`: for the rings of all CPUs together.
  package init(
    _ tracefs: any TracefsAccess, pid: Int32, sampling: StackSampling, ringBytes: Int = Self.mostRingBytes
  ) throws(CaptureError) {
    let opener = try PerfEventOpener(tracefs, sampling)
    let cpus = try OnlineCPUs.read()
    self.pid = pid
    self.sampling = sampling
    self.opener = opener
    self.cpus = cpus
    decoder = PerfRecordDecoder(layout: opener.layout)
    rings = PerfRingTable(
      ringCount: cpus.count * sampling.sources.count, most: OnlineCPUs.possibleCount * sampling.sources.count,
      totalBytes: ringBytes)
  }

  deinit {
    for list in descriptors.values {
      for descriptor in list { try? descriptor.close() }
    }
  }

  /// Opens the events of all threads of `process`, as many times as new ones turn up, and passes on what they bring so far.
  package mutating func attach(
    to process: TargetProcess, _ store: inout StackSampleStore, changes: inout [ProcessChange]
  ) throws(PerfEventFailure) {
    let before = watermark
    repeat {
      let threads = process.threads
      // A thread can be listed before the record of its creation is there, which tells that it has inherited its events.
      // Where that comes later still, the thread is sampled twice.
      if !covered.isEmpty { usleep(1000) }
      drain(before: MonotonicClock.now, into: &store, changes: &changes)
      watermark = before
      guard try watch(tids: threads) > 0 else { return }
    } while true
  }

  /// Opens the events of those of the threads that have none, and returns how many these were. What was drained so far tells
  /// which have inherited theirs.
  package mutating func watch(tids: [Int32]) throws(PerfEventFailure) -> Int {
    let new = tids.filter { !covered.contains($0) }
    let needed = (covered.count + new.count) * cpus.count * sampling.sources.count + 256
    let limit = kdelay_raise_descriptor_limit(UInt64(needed))
    var opened = 0
    for tid in new {
      do throws(EventFailure) {
        for source in sampling.sources { try open(source, tid, on: cpus) }
        covered.insert(tid)
        opened += 1
      } catch {
        // It has ended.
        if error.error == .noSuchProcess { continue }
        throw PerfEventFailure(
          error: error.error, isOfRings: error.isOfRings, threads: tids.count, needed: needed, limit: limit)
      }
    }
    return opened
  }

  /// Why an event could not be opened, or had no ring.
  struct EventFailure: Error {
    let error: Errno
    let isOfRings: Bool
  }

  mutating func open(_ source: StackSampleSource, _ tid: Int32, on cpus: [Int]) throws(EventFailure) {
    for cpu in cpus {
      var isOfRings = false
      do throws(Errno) {
        let event = try opener.open(source, tid: tid, cpu: cpu)
        isOfRings = true
        try rings.attach(event.descriptor, cpu: cpu, source: source)
        descriptors[source, default: []].append(event.take())
      } catch {
        // The CPU has gone offline.
        guard error.rawValue == ENODEV || error.rawValue == ENXIO else {
          throw EventFailure(error: error, isOfRings: isOfRings)
        }
        self.cpus.removeAll { $0 == cpu }
        if !covered.isEmpty { left.insert(cpu) }
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

  /// Opens the events again that an exec has taken away: one that gave the process other privileges, as of a setuid program, or
  /// whose program may not be read. Nil where none was taken away.
  package mutating func reopen(
    for process: TargetProcess, _ store: inout StackSampleStore, changes: inout [ProcessChange]
  ) throws(PerfEventFailure) -> Reopening? {
    guard let end = leaderEnd else { return nil }
    leaderEnd = nil
    guard let status = ProcessStatus.read(pid: pid), !status.isZombie else { return endedByExec ? .tooLate : nil }
    if covered.isEmpty { forgetEvents() }
    try attach(to: process, &store, changes: &changes)
    // A first thread that has really ended (`pthread_exit`) is listed and takes no events.
    guard endedByExec || covered.contains(pid) else { return nil }
    return covered.isEmpty ? .tooLate : .done(after: MonotonicClock.now - min(end, MonotonicClock.now))
  }

  /// Nobody has events any more: closes those that have no ring, so that a program that replaces itself for ever does not take
  /// ever more descriptors.
  private mutating func forgetEvents() {
    for (source, list) in descriptors {
      var kept: [FileDescriptor] = []
      for descriptor in list {
        if rings.isOwner(descriptor) {
          kept.append(descriptor)
        } else {
          closedLoss[source, default: 0] += Self.lost(of: descriptor)
          try? descriptor.close()
        }
      }
      descriptors[source] = kept
    }
    cpus = (try? OnlineCPUs.read()) ?? cpus
    left = []
    refused = []
  }

  // MARK: Reading

  /// Passes on what happened before `limit`, ns: samples to `store`, changes to `changes`, both in order of time.
  package mutating func drain(
    before limit: UInt64, into store: inout StackSampleStore, changes: inout [ProcessChange]
  ) {
    rings.refresh(decoder)
    while let next = rings.next(before: limit) {
      if next.timestamp < watermark { counted.late += 1 }
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
  }

  @inline(__always)
  private mutating func keep(
    _ sample: PerfSample, _ source: StackSampleSource, _ record: UnsafeRawBufferPointer, _ store: inout StackSampleStore
  ) {
    // Before Linux 5.13 child processes inherit as well.
    guard sample.stamp.pid == pid else { return }
    guard sample.registers.known != 0 else { return withoutUserSpace += 1 }
    store.append(
      StackSample(
        timestamp: sample.stamp.timestamp, pid: sample.stamp.pid, tid: sample.stamp.tid,
        cpu: UInt16(truncatingIfNeeded: sample.stamp.cpu), source: source, registers: sample.registers,
        dumpSize: sample.dumpSize),
      callchain: record.bytes(at: sample.kernelCallchain),
      stack: record.bytes(at: sampling.followsFramePointers ? sample.userCallchain : sample.userStack))
  }

  private mutating func note(
    _ record: PerfRecord, _ bytes: UnsafeRawBufferPointer, _ changes: inout [ProcessChange]
  ) {
    guard let change = ProcessChange(record, bytes) else { return }
    if case .created = change.kind, change.pid == pid { covered.insert(change.tid) }
    if case .exited = change.kind, change.pid == pid {
      covered.remove(change.tid)
      if change.tid == pid { (leaderEnd, endedByExec) = (change.timestamp, hasJustReplacedItself) }
    }
    if change.pid == pid {
      if case .renamed(_, byExec: true) = change.kind {
        hasJustReplacedItself = true
      } else {
        hasJustReplacedItself = false
      }
    }
    changes.append(change)
  }

  // MARK: Loss

  /// What was lost so far. Where the kernel counts per event (Linux 6.0), the counts are asked for: a ring tells of its losses
  /// with the next record that finds room, which may never come. That is one read per event: for a report, not for each drain.
  package func loss() -> StackSampleLoss {
    var loss = counted
    loss.malformed += rings.malformed
    guard opener.countsLost else { return loss }
    for (source, list) in descriptors {
      let lost = list.reduce(closedLoss[source] ?? 0) { $0 + Self.lost(of: $1) }
      loss[source] = max(loss[source], lost)
    }
    return loss
  }

  static func lost(of event: FileDescriptor) -> UInt64 {
    var values: (value: UInt64, lost: UInt64) = (0, 0)
    return read(event.rawValue, &values, 16) == 16 ? values.lost : 0
  }

  /// Events that are open; each takes a descriptor.
  package var eventCount: Int { descriptors.values.reduce(0) { $0 + $1.count } }

  /// How much was drained so far, in rings: 1 is what a CPU can write before the kernel has to drop samples.
  func ringsRead() -> Double { Double(bytesRead) / Double(rings.ringSize) }

  /// Bytes of all rings.
  package var ringBytes: Int { rings.bytes }
}

extension UnsafeRawBufferPointer {
  /// The bytes at a span that the decoder gave for them.
  @inline(__always)
  fileprivate func bytes(at span: ByteSpan) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[span.offset..<span.offset &+ span.length])
  }
}
