package import TraceModel

/// Reads the streams of a source into one, in order of time, and keeps account of what was lost.
///
/// The read policy, by measurement: of each stream, read pages until an event is younger than the drain needs, or nothing is
/// left; then leave it alone for a while. Reading on would copy a few events at a time from the page that is being written,
/// which slows the traced program and loses events at full rate.
package struct StreamReader<Source: PageSource & ~Copyable>: ~Copyable {
  /// Pages of one stream that are read before the others get their turn: bounds memory when the reader was held up.
  private static var pagesPerTurn: Int { 64 }

  private var merger: EventMerger
  private let streams: [PageStream]
  /// Events that each stream has lost so far.
  private var lost: [UInt64]
  /// Before this, ns, nothing was recorded: a gap at the beginning of a stream reaches back to here.
  private let begin: UInt64
  /// Up to where all streams were read by the last drain of a recording, ns.
  private var complete: UInt64 = .max
  /// Names that events carry, by index.
  package var names = NameTable()
  /// What was lost so far.
  package private(set) var loss = Loss()
  package private(set) var eventsRead: UInt64 = 0
  package private(set) var bytesRead: UInt64 = 0
  /// Where the pages come from.
  package var source: Source

  /// `begin`: ns, before which nothing was recorded.
  package init(_ source: consuming Source, begin: UInt64 = 0) {
    streams = source.streams
    lost = Array(repeating: 0, count: streams.count)
    let dataStreams = streams.prefix { $0.role == .data }.count
    precondition(!streams[dataStreams...].contains { $0.role == .data }, "the streams of data come first")
    merger = EventMerger(dataStreams: dataStreams, triggerStreams: streams.count - dataStreams)
    self.begin = begin
    self.source = source
  }

  /// Everything before this, ns, was passed on.
  package var released: UInt64 { merger.watermark }

  /// The time of the last event that was read so far, ns; 0 where there was none.
  package var lastTimestamp: UInt64 { streams.indices.reduce(0) { max($0, merger.lastTimestamp(at: $1)) } }

  /// Reads what the streams have. `now`: what the clock said just before, ns; `.max` of a recording, to which nothing is added.
  /// All events before the returned time (ns) are here now; `wasBusy` says that there was more than one turn takes.
  package mutating func drain(now: UInt64) -> (complete: UInt64, wasBusy: Bool) {
    let settled = Settling.complete(at: now)
    let before = complete
    var complete = settled
    var wasBusy = false
    for position in streams.indices {
      // What is ahead in a recording can wait for what is behind; a live stream would lose events meanwhile.
      let isAhead = now == .max && merger.lastTimestamp(at: position) > before
      if isAhead || !drain(position, upTo: settled) {
        wasBusy = true
        complete = min(complete, merger.lastTimestamp(at: position))
      }
    }
    self.complete = complete
    return (complete, wasBusy)
  }

  /// Reads one stream's pages up to the first event at or after `time`, or all there are; false where a turn was not enough.
  private mutating func drain(_ position: Int, upTo time: UInt64) -> Bool {
    for _ in 0..<Self.pagesPerTurn {
      guard let page = source.next(position) else { return true }
      if let gap = take(page, position) { noteGap(gap, position) }
      if merger.lastTimestamp(at: position) >= time { return true }
    }
    return false
  }

  /// A page said that events are missing before it: as many as `missed`, -1 where it does not know. `index` is that of the gap in
  /// the stream's queue.
  private struct Gap {
    let missed: Int64
    let index: Int
  }

  private mutating func take(_ page: UnsafeRawBufferPointer, _ position: Int) -> Gap? {
    let stream = streams[position]
    let lastKnown = max(merger.lastTimestamp(at: position), merger.watermark, begin)
    let (summary, index) = merger.append(to: position) { events in
      let index = events.count
      let summary = stream.decoder.decode(
        page, cpu: UInt16(truncatingIfNeeded: stream.cpu), lastKnown: lastKnown, into: &events, names: &names)
      return (summary, index)
    }
    eventsRead += UInt64(summary.events)
    bytesRead += UInt64(summary.length)
    loss.undecodable += UInt64(summary.undecodable) + (summary.status == .complete ? 0 : 1)
    return summary.missed.map { Gap(missed: $0, index: index) }
  }

  private mutating func noteGap(_ gap: Gap, _ position: Int) {
    let count = noteLoss(gap.missed, position)
    let role = streams[position].role
    merger.append(to: position) { events in
      events[gap.index].value = role == .calls ? 0 : Int64(clamping: count)
      guard role != .data else { return }
      events[gap.index].kind = .lostTriggers
      events[gap.index + 1].kind = .lostTriggers
    }
  }

  /// How many events a gap has cost. A page says that events are missing before it, but has not always room for how many
  /// (-1): then it is what the kernel has counted in all, less the gaps before. That can take in some that a later page
  /// tells of; they are not counted again there. Where the kernel's count is not known either, it was one at least.
  private mutating func noteLoss(_ missed: Int64, _ position: Int) -> UInt64 {
    let before = lost[position]
    let said = missed < 0 ? nil : UInt64(missed)
    let counted = source.overrun(position).map { max($0, before) - before }
    let count = min(said ?? counted ?? 1, counted ?? .max)
    lost[position] = before + count
    if streams[position].role == .data { loss.eventsByCPU[streams[position].cpu, default: 0] += count }
    return count
  }

  /// Passes on, in order, events before `limit` (ns); see `EventMerger.release`.
  package mutating func release(
    before limit: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool)
  ) -> Event? {
    let stop = merger.release(before: limit, consume)
    loss.late = merger.late
    return stop
  }
}

/// How long an event can take from its time stamp to the ring buffer.
package enum Settling {
  /// An event is time-stamped before it can be read; an interrupt, or the host of a virtual CPU, can hold up its writer in
  /// between for this long, ns. Events are taken for complete only up to this long ago.
  package static let time: UInt64 = 5_000_000

  /// All events before this, ns, can be read when the clock says `now`; a recording, of which that is `.max`, has settled.
  package static func complete(at now: UInt64) -> UInt64 { now == .max ? .max : now - min(now, time) }
}
