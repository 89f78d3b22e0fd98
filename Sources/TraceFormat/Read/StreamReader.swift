package import TraceModel

/// Reads the streams of a source into one, in order of time, and keeps account of what was lost.
///
/// The read policy, by measurement: of each stream, read pages until an event is younger than the drain needs, or nothing is
/// left; then leave it alone for a while. Reading on would copy a few events at a time from the page that is being written,
/// which slows the traced program and loses events at full rate.
package struct StreamReader<Source: PageSource & ~Copyable>: ~Copyable {
  private var merged: MergedStreams
  /// The time up to which the last drain has read all streams, ns.
  private var complete: UInt64 = .max
  /// Where the pages come from.
  package var source: Source

  /// A reader of all streams of `source`. `begin`: the time before which nothing was recorded, ns. `keepsTotalOrder`: see
  /// `EventMerger`.
  package init(_ source: consuming Source, begin: UInt64 = 0, keepsTotalOrder: Bool = true) {
    merged = MergedStreams(source.streams, begin: begin, keepsTotalOrder: keepsTotalOrder)
    self.source = source
  }

  /// The names that events carry, by index.
  package var names: NameTable {
    get { merged.names }
    set { merged.names = newValue }
  }

  /// The kernel stacks that events carry, by number.
  package var kernelStacks: KernelStackTable { merged.kernelStacks }

  /// What was lost so far.
  package var loss: Loss { merged.loss }

  /// How many events were read so far.
  package var eventsRead: UInt64 { merged.eventsRead }

  /// The number of bytes of the records that were read so far.
  package var bytesRead: UInt64 { merged.bytesRead }

  /// The time before which everything was passed on, ns.
  package var released: UInt64 { merged.released }

  /// The time of the last event that was read so far, ns; 0 where there was none.
  package var lastTimestamp: UInt64 {
    var last: UInt64 = 0
    for position in merged.streams.indices { last = max(last, merged.lastTimestamp(position)) }
    return last
  }

  /// Reads what the streams have. `now`: what the clock said just before, ns; `.max` of a recording, to which nothing is added.
  /// All events before the returned time (ns) are here now; `wasBusy` says that there was more than one turn takes.
  package mutating func drain(now: UInt64) -> (complete: UInt64, wasBusy: Bool) {
    let settled = Settling.complete(at: now)
    var complete = settled
    var wasBusy = false
    for position in merged.streams.indices {
      // What is ahead in a recording can wait for what is behind; a live stream would lose events meanwhile.
      let isAhead = now == .max && merged.reached(position) > self.complete
      if isAhead || !drain(position, upTo: settled) {
        wasBusy = true
        complete = min(complete, merged.reached(position))
      }
    }
    self.complete = complete
    return (complete, wasBusy)
  }

  /// Reads one stream's pages up to the first event at or after `time`, or all there are; false where a turn was not enough.
  private mutating func drain(_ position: Int, upTo time: UInt64) -> Bool {
    for _ in 0..<Settling.pagesPerTurn {
      guard let page = source.next(position) else { return true }
      if let gap = merged.take(page, position) { merged.note(gap, position, overrun: source.overrun(position)) }
      if merged.reached(position) >= time { return true }
    }
    return false
  }

  /// Passes on, in order, events before `limit` (ns); see `EventMerger.release`.
  package mutating func release(
    before limit: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool)
  ) -> Event? {
    merged.release(before: limit, consume)
  }
}

/// How long an event can take from its time stamp to its reader.
package enum Settling {
  /// An event is time-stamped before it can be read; an interrupt, or the host of a virtual CPU, can hold up its writer in
  /// between for this long, ns. Events are taken for complete only up to this long ago.
  package static let time: UInt64 = 5_000_000

  /// The most pages of one stream that are read before the others get their turn: bounds memory when the reader was held up.
  static let pagesPerTurn = 64

  /// All events before this, ns, can be read when the clock says `now`; a recording, of which that is `.max`, has settled.
  package static func complete(at now: UInt64) -> UInt64 { now == .max ? .max : now - min(now, time) }
}
