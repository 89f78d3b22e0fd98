internal import Glibc
internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource

/// Writes a capture's recording while it is made: the pages that were read, and the journal of what the session was told besides.
///
/// A page or a note cannot fail where it comes up; the failure is thrown at the end of the turn.
final class Recorder: PageKeeper {
  /// Nil once the recording is whole.
  private var writer: RecordingWriter?
  /// Where the streams are in the recording: the numbers of their buffers, and their CPUs' in these.
  private let places: [(buffer: Int, position: Int)]
  private var turn = JournalTurn(now: 0)
  /// What the system said when the recording began, of which some can be gone when it ends.
  private var targets: [NamedProcess] = []
  private var maps: [RecordingTail.Maps] = []
  private var names: [Int32: String] = [:]
  private var failure: TraceFileError?
  private let directory: String
  /// The number of bytes of a recording that is whole.
  private var bytesWritten: UInt64 = 0
  /// When notes were written last, ns.
  private var flushed: UInt64 = 0

  private static let mostBytesReadAgain: UInt64 = 256 << 20

  /// How long notes stay in memory, ns: without its last turns, a recording that was killed is read no worse.
  private static let flushInterval: UInt64 = 100_000_000

  /// A recorder of `streams` in `directory`. `head`: what is known before any event; `pageSize`: the number of bytes of a
  /// sub-buffer.
  init(_ directory: String, _ head: RecordingHead, _ streams: [PageStream], pageSize: Int) throws(TraceFileError) {
    var buffers: [RecordingBuffer] = []
    var places: [(buffer: Int, position: Int)] = []
    for stream in streams {
      let known = buffers.firstIndex { $0.name == stream.buffer }
      if known == nil { buffers.append(RecordingBuffer(name: stream.buffer, pageSize: pageSize, cpus: [])) }
      let buffer = known ?? buffers.count - 1
      places.append((buffer, buffers[buffer].cpus.count))
      buffers[buffer].cpus.append(stream.cpu)
    }
    self.places = places
    self.directory = directory
    writer = try RecordingWriter(directory: directory, head: head, buffers: buffers, task: getpid())
    note(.version(JournalNote.currentVersion))
    note(.streams(streams.map { RecordedStreamName(buffer: $0.buffer, cpu: $0.cpu) }))
  }

  func keep(_ page: UnsafeRawBufferPointer, of position: Int) {
    part(position) { $0.pages += 1 }
    let place = places[position]
    attempt { writer throws(TraceFileError) in
      try writer?.append(page, used: page.count, buffer: place.buffer, position: place.position)
    }
  }

  func keep(overrun: UInt64, of position: Int) { part(position) { $0.overrun = overrun } }

  private func part(_ position: Int, _ change: (inout JournalTurn.Part) -> Void) {
    var index = turn.parts.lastIndex { $0.position == position }
    if index == nil {
      index = turn.parts.count
      turn.parts.append(JournalTurn.Part(position: position, pages: 0))
    }
    if let index { change(&turn.parts[index]) }
  }

  /// Notes what the system says of the target and of others before anything ends.
  func look(at targets: [NamedProcess]) {
    self.targets = targets
    maps = RecordingTail.Maps.read(targets)
    names = SystemTasks.names()
  }

  /// Notes the names of tasks that have come.
  func look(atTasks tids: [Int32]) {
    for tid in tids { names[tid] = ProcessStatus.read(pid: tid)?.name }
  }

  /// Notes what the session is told.
  func note(_ note: JournalNote) {
    let now = MonotonicClock.now
    for text in note.records {
      attempt { writer throws(TraceFileError) in try writer?.note(text, at: now) }
    }
  }

  /// A turn of reading is over; `now` is the clock before it, ns. What comes after is noted as this turn's.
  func endTurn(_ now: UInt64) throws(TraceFileError) {
    turn.now = now
    note(.turn(turn))
    turn.parts.removeAll(keepingCapacity: true)
    if now > flushed + Self.flushInterval {
      flushed = now
      attempt { writer throws(TraceFileError) in try writer?.flushNotes() }
    }
    try check()
  }

  /// Throws what has failed since the last check.
  func check() throws(TraceFileError) {
    if let failure { throw failure }
  }

  private func attempt(_ body: (inout RecordingWriter?) throws(TraceFileError) -> Void) {
    guard failure == nil else { return }
    do throws(TraceFileError) { try body(&writer) } catch { failure = error }
  }

  /// What is said when the recording is whole. `lost`: how many events the kernel has lost.
  func summary(lost: UInt64) -> String {
    let loss =
      lost == 0
      ? "nothing was lost" : "\(lost) events were lost: use a larger --buffer-page-count, or a faster disk"
    return "recorded \(bytesWritten >> 20) MiB to \(directory): \(loss)"
  }

  /// Makes the recording whole. `pages`: the streams that were recorded.
  func finish(_ pages: borrowing LivePages) throws(TraceFileError) {
    try check()
    guard let writer = writer.take() else { return }
    let living = RecordingTail.Maps.read(targets)
    // A long recording is not read again for the names of tasks that had ended before anybody looked.
    let streams = pages.streams.map { RecordedStreamName(buffer: $0.buffer, cpu: $0.cpu) }
    let isShort = writer.bytesWritten <= Self.mostBytesReadAgain
    let recorded = isShort ? RecordedTaskNames.read(writer.directory, streams) : [:]
    let names = names.merging(recorded) { _, last in last }.merging(SystemTasks.names()) { _, last in last }
    bytesWritten = writer.bytesWritten
    try writer.finish(
      RecordingTail(pages, names: names, maps: living + maps.filter { map in !living.contains { $0.pid == map.pid } }))
  }
}
