internal import Aggregator
internal import CAllocations
internal import Glibc
internal import TraceFile
internal import TraceFormat
internal import TraceModel

/// A recording through the tool's own reader, stage by stage.
struct PageBenchmark: ~Copyable {
  /// How far the events go.
  enum Stage: String, CaseIterable {
    case decode
    case merge
    case aggregate
  }

  private let pages: MemoryPages
  /// Its tasks that make syscalls; all are taken for threads of the target.
  private let threads: Set<Int32>
  /// Time of the first page, and from there to a while after the last event, ns.
  private let begin: UInt64
  private let length: UInt64

  init(_ capture: consuming RecordedCapture) throws(TraceFileError) {
    var capture = capture
    let threads = try capture.tasks().callers
    let begin = capture.begin
    let pages = MemoryPages(&capture.reader.source)
    var reader = StreamReader(MemoryPages(again: pages))
    while reader.drain(now: .max).wasBusy {}
    length = reader.lastTimestamp - begin + 1_000_000
    self.begin = begin
    self.pages = pages
    self.threads = threads
  }

  /// What a recording runs through: kept, so that it can run through it again, as a capture's has soon seen all it needs.
  struct Pipeline: ~Copyable {
    fileprivate var reader: StreamReader<MemoryPages>
    fileprivate var aggregator: Aggregator
    private var scratch = FlatArray<Event>(capacity: 1 << 16)
    private let stage: Stage

    fileprivate init(_ benchmark: borrowing PageBenchmark, _ stage: Stage, threads: Set<Int32>) {
      reader = StreamReader(MemoryPages(again: benchmark.pages), begin: benchmark.begin, keepsTotalOrder: false)
      aggregator = Aggregator()
      for tid in threads {
        aggregator.observe(ThreadObservation(pid: 1, tid: tid, name: 0, state: .runnable, mode: .unknown), at: 0)
      }
      aggregator.startWindow(at: benchmark.begin)
      self.stage = stage
    }

    /// One pass; returns how many events it had.
    mutating func run() -> Int {
      if stage == .decode { return decode() }
      let before = reader.eventsRead
      var isAtEnd = false
      while !isAtEnd {
        let (complete, wasBusy) = reader.drain(now: .max)
        isAtEnd = !wasBusy
        // The same comes once more, later.
        let limit = min(complete, reader.lastTimestamp + 1)
        while Self.release(&reader, &aggregator, before: limit, stage) {}
      }
      return Int(reader.eventsRead - before)
    }

    /// Whether there is more to release.
    private static func release(
      _ reader: inout StreamReader<MemoryPages>, _ aggregator: inout Aggregator, before limit: UInt64, _ stage: Stage
    ) -> Bool {
      reader.release(before: limit) { stage == .aggregate ? aggregator.consume($0) : ($0.count, false) } != nil
    }

    /// One pass that decodes, and forgets.
    private mutating func decode() -> Int {
      var events = 0
      for position in reader.source.streams.indices {
        let stream = reader.source.streams[position]
        let cpu = UInt16(truncatingIfNeeded: stream.cpu)
        while let page = reader.source.next(position) {
          scratch.removeAll()
          events +=
            stream.decoder.decode(
              page, cpu: cpu, lastKnown: 0, into: &scratch, names: &reader.names, stacks: reader.kernelStacks
            ).events
        }
      }
      return events
    }
  }

  func pipeline(_ stage: Stage) -> Pipeline { Pipeline(self, stage, threads: threads) }

  /// Passes over the recording: the time for each event, ns, and the number of events.
  func measure(_ pipeline: inout Pipeline, passes: Int) -> (time: Double, events: Int) {
    var (time, events): (UInt64, Int) = (0, 0)
    for _ in 0..<passes {
      pipeline.reader.source.rewind(later: length)
      let before = Self.cpuTime()
      events += pipeline.run()
      time += Self.cpuTime() - before
    }
    return (Double(time) / Double(max(events, 1)), events)
  }

  /// Heap allocations of a second pass through the same machinery, in which everything that grows with threads, syscalls and
  /// CPUs is there already: what is left would be per event.
  func allocations() -> (count: UInt, events: Int) {
    var pipeline = pipeline(.aggregate)
    _ = pipeline.run()
    pipeline.reader.source.rewind(later: length)
    let before = kdelay_allocations()
    let events = pipeline.run()
    return (UInt(kdelay_allocations() - before), events)
  }

  /// CPU time of this thread, ns.
  static func cpuTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
