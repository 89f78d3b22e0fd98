internal import TraceModel

/// The pages of several streams as one stream of events, and the account of what was lost: all of a `StreamReader` that does
/// not depend on where the pages come from.
struct MergedStreams: ~Copyable {
  private var merger: EventMerger
  let streams: [PageStream]
  /// The time of the last record that each stream has had, ns; 0 before the first.
  private var reached: [UInt64]
  /// The number of events that each stream has lost so far.
  private var lost: [UInt64]
  /// The time before which nothing was recorded, ns: a gap at the beginning of a stream reaches back to there.
  private let begin: UInt64
  var names = NameTable()
  let kernelStacks = KernelStackTable()
  private(set) var loss = Loss()
  private(set) var eventsRead: UInt64 = 0
  private(set) var bytesRead: UInt64 = 0

  init(_ streams: [PageStream], begin: UInt64, keepsTotalOrder: Bool) {
    let dataStreams = streams.prefix { $0.role == .data }.count
    precondition(!streams[dataStreams...].contains { $0.role == .data }, "the streams of data come first")
    merger = EventMerger(
      dataStreams: dataStreams, triggerStreams: streams.count - dataStreams, keepsTotalOrder: keepsTotalOrder)
    self.streams = streams
    reached = Array(repeating: 0, count: streams.count)
    lost = Array(repeating: 0, count: streams.count)
    self.begin = begin
  }

  /// The time before which everything was passed on, ns.
  var released: UInt64 { merger.watermark }

  /// The time of the last event that the stream at `position` has had, ns; 0 before the first.
  func lastTimestamp(_ position: Int) -> UInt64 { merger.lastTimestamp(at: position) }

  /// The time up to which the stream at `position` has been read, ns; 0 before its first page. Records that are no events count.
  func reached(_ position: Int) -> UInt64 { reached[position] }

  /// A gap in the stream that a page began: where it is in the queue, and how many events the page says that it has cost; -1
  /// where it does not know.
  struct Gap {
    let index: Int
    let missed: Int64
  }

  /// Takes in a page of the stream at `position`. Where it says that events are missing, it is to be told how many with
  /// `note`.
  mutating func take(_ page: UnsafeRawBufferPointer, _ position: Int) -> Gap? {
    let decoder = streams[position].decoder
    let cpu = UInt16(truncatingIfNeeded: streams[position].cpu)
    let lastKnown = max(merger.lastTimestamp(at: position), merger.watermark, begin)
    let (summary, index) = merger.append(to: position) { events in
      let index = events.count
      let summary = decoder.decode(
        page, cpu: cpu, lastKnown: lastKnown, into: &events, names: &names, stacks: kernelStacks)
      return (summary, index)
    }
    reached[position] = summary.time
    eventsRead += UInt64(summary.events)
    bytesRead += UInt64(summary.length)
    loss.undecodable += UInt64(summary.undecodable) + (summary.status == .complete ? 0 : 1)
    return summary.missed.map { Gap(index: index, missed: $0) }
  }

  /// Notes how many events a gap has cost. `overrun`: what the stream has lost in all, by the kernel's count.
  mutating func note(_ gap: Gap, _ position: Int, overrun: UInt64?) {
    let count = noteLoss(gap.missed, position, overrun)
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
  private mutating func noteLoss(_ missed: Int64, _ position: Int, _ overrun: UInt64?) -> UInt64 {
    let before = lost[position]
    let said = missed < 0 ? nil : UInt64(missed)
    let counted = overrun.map { max($0, before) - before }
    let count = min(said ?? counted ?? 1, counted ?? .max)
    lost[position] = before &+ count
    if streams[position].role == .data { loss.eventsByCPU[streams[position].cpu, default: 0] &+= count }
    return count
  }

  mutating func release(
    before limit: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool)
  ) -> Event? {
    let stop = merger.release(before: limit, consume)
    loss.late = merger.late
    return stop
  }
}
