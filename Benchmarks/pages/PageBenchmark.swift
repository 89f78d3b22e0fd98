internal import Aggregator
internal import CAllocations
internal import Glibc
internal import Report
internal import TraceFormat
internal import TraceModel

/// Recorded pages of every CPU, and the decoder for them.
struct Recording {
  let decoder: PageDecoder
  let cpus: [[UnsafeRawBufferPointer]]
  let tids: Set<Int32>
  /// Time of the first page, ns.
  let start: UInt64

  init?(formats directory: String, pageSize: Int, files: [String]) {
    func text(_ path: String) -> String? {
      Recording.bytes(path).map { String(decoding: $0, as: UTF8.self) }
    }
    var formats: [TracedEvent: EventFormat] = [:]
    for event in TracedEvent.allCases {
      guard
        let text = text("\(directory)/formats/\(event.name.system).\(event.name.name)")
          ?? text("\(directory)/\(event.name.system)/\(event.name.name)/format")
      else { continue }
      formats[event] = try? EventFormat.parse(text)
    }
    guard let header = text("\(directory)/header_page"), let layout = try? PageLayout(headerPage: header),
      let table = try? EventTable(formats)
    else { return nil }
    decoder = PageDecoder(layout: layout, table: table)
    var cpus: [[UnsafeRawBufferPointer]] = []
    for file in files {
      guard let bytes = Recording.bytes(file) else { return nil }
      cpus.append(
        stride(from: 0, to: bytes.count, by: pageSize).map {
          UnsafeRawBufferPointer(rebasing: bytes[$0..<min($0 + pageSize, bytes.count)])
        })
    }
    self.cpus = cpus
    tids = Recording.tids(decoder, cpus)
    start = cpus.compactMap { $0.first?.loadUnaligned(as: UInt64.self) }.min() ?? 0
  }

  /// Its tasks but the idle ones; all are taken for threads of the target.
  private static func tids(_ decoder: PageDecoder, _ cpus: [[UnsafeRawBufferPointer]]) -> Set<Int32> {
    var tids: Set<Int32> = []
    var events = FlatArray<Event>()
    var names = NameTable()
    for page in cpus.joined() {
      events.removeAll()
      _ = decoder.decode(page, cpu: 0, lastKnown: 0, into: &events, names: &names)
      for event in events.elements where event.kind == .syscallEnter { tids.insert(event.tid) }
    }
    return tids
  }

  /// The file's content; kept for the life of the process.
  private static func bytes(_ path: String) -> UnsafeRawBufferPointer? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { content += chunk[..<count] }
    let kept = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 4096)
    kept.copyBytes(from: content)
    return UnsafeRawBufferPointer(kept)
  }
}

enum PageBenchmark {
  /// How far the events go.
  enum Stage: String, CaseIterable {
    case decode
    case merge
    case aggregate
  }

  /// CPU time of this thread, ns.
  static func cpuTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// The machinery that a recording runs through, kept so that it can run through it again.
  private struct Pipeline: ~Copyable {
    var merger: EventMerger
    var names = NameTable()
    var aggregator = Aggregator()
    var scratch = FlatArray<Event>(capacity: 1 << 16)
    var next: [Int]

    init(_ recording: Recording, threads: Set<Int32>) {
      merger = EventMerger(dataStreams: recording.cpus.count)
      next = Array(repeating: 0, count: recording.cpus.count)
      for tid in threads {
        aggregator.observe(ThreadObservation(tid: tid, name: 0, state: .runnable, mode: .unknown), at: 0)
      }
      aggregator.startWindow(at: 0)
    }

    /// One pass; pages are taken in turns of 32 per CPU, as a drain takes them. Returns the number of events.
    mutating func run(_ recording: Recording, _ stage: Stage) -> Int {
      var events = 0
      for cpu in next.indices { next[cpu] = 0 }
      while true {
        var limit = UInt64.max
        for cpu in recording.cpus.indices {
          events += takeTurn(recording, stage, cpu)
          if next[cpu] < recording.cpus[cpu].count { limit = min(limit, merger.lastTimestamp(at: cpu)) }
        }
        Self.release(&merger, &aggregator, before: limit, stage)
        if limit == .max { return events }
      }
    }

    private mutating func takeTurn(_ recording: Recording, _ stage: Stage, _ cpu: Int) -> Int {
      let end = min(next[cpu] + 32, recording.cpus[cpu].count)
      var events = 0
      for index in next[cpu]..<end {
        let page = recording.cpus[cpu][index]
        if stage == .decode {
          scratch.removeAll()
          events +=
            recording.decoder.decode(
              page, cpu: UInt16(cpu), lastKnown: 0, into: &scratch, names: &names
            ).events
        } else {
          events +=
            merger.append(to: cpu) {
              recording.decoder.decode(page, cpu: UInt16(cpu), lastKnown: 0, into: &$0, names: &names)
            }.events
        }
      }
      next[cpu] = end
      return events
    }

    private static func release(
      _ merger: inout EventMerger, _ aggregator: inout Aggregator, before limit: UInt64, _ stage: Stage
    ) {
      var stopped = true
      while stopped {
        stopped =
          merger.release(before: limit) { run in
            stage == .aggregate ? aggregator.consume(run) : (run.count, false)
          } != nil
      }
    }
  }

  /// One pass through machinery of its own. Returns the number of events.
  static func run(_ recording: Recording, _ stage: Stage) -> Int {
    var pipeline = Pipeline(recording, threads: recording.tids)
    return pipeline.run(recording, stage)
  }

  /// The report of the whole recording, as one sample from its first event to its last.
  static func sample(_ recording: Recording) -> Sample {
    // The lowest tid is the program that was recorded; its threads announce themselves.
    var pipeline = Pipeline(recording, threads: Set([recording.tids.min()].compactMap { $0 }))
    pipeline.aggregator.startWindow(at: recording.start)
    _ = pipeline.run(recording, .aggregate)
    let end = recording.cpus.indices.reduce(0) { max($0, pipeline.merger.lastTimestamp(at: $1)) }
    let snapshot = pipeline.aggregator.finishWindow(at: end)
    var loss = Loss()
    loss.eventsByCPU = snapshot.lostEvents
    let unknown = WallTime(seconds: 0, microseconds: 0)
    return Sample(
      targetPID: recording.tids.min() ?? 0, targetName: "recording", index: 1, snapshot: snapshot, loss: loss,
      names: pipeline.names, started: unknown, stopped: unknown, dumped: .now)
  }

  /// Heap allocations of a second pass through the same machinery.
  static func allocations(_ recording: Recording) -> (count: UInt, events: Int) {
    var pipeline = Pipeline(recording, threads: recording.tids)
    _ = pipeline.run(recording, .aggregate)
    let before = kdelay_allocations()
    let events = pipeline.run(recording, .aggregate)
    return (UInt(kdelay_allocations() - before), events)
  }
}
