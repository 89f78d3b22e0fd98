internal import Glibc
internal import SystemCalls
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
  private let streams: [RecordedStreamName]
  /// Where the streams are in the recording: the numbers of their buffers, and their CPUs' in these.
  private let places: [(buffer: Int, position: Int)]
  private var turn = JournalTurn(now: 0)
  /// What the system said when the recording began, of which some can be gone when it ends.
  private var targets: [NamedProcess] = []
  private var maps: [RecordingTail.Maps] = []
  private var names: [Int32: String] = [:]
  private var failure: TraceFileError?
  /// Where the recording is; of segments, the directory that these are in.
  private let directory: String
  private let head: RecordingHead
  private let buffers: [RecordingBuffer]
  private let limits: RecordingLimits
  private let version: TraceDatVersion
  /// The number of the segment that grows; 0 where there are none.
  private(set) var segment = 0
  /// What each segment begins with, but for the target.
  private var prologue: [JournalNote] = []
  /// The number of segments that were removed.
  private var removed = 0
  /// The number of bytes of what is whole.
  private var bytesWritten: UInt64 = 0
  /// What makes segments whole while the next one grows.
  private var finishing: SegmentFinisher?
  /// When it was looked how much room there is, ns.
  private var roomChecked: UInt64 = 0
  /// The number of bytes of the recording at which it is looked again.
  private var writtenToCheck: UInt64 = 0
  /// When what was in memory was written last, ns.
  private var flushed: UInt64 = 0
  /// The number of bytes that the recording had then.
  private var flushedBytes: UInt64 = 0

  private static let mostBytesReadAgain: UInt64 = 256 << 20

  /// How long notes, and sub-buffers that are not full, stay in memory, ns: a recording that was killed lacks as much at its end.
  private static let flushInterval: UInt64 = 250_000_000
  /// How many bytes may come meanwhile: more than these a full disk never costs.
  private static let flushSize: UInt64 = 8 << 20

  /// A recorder of `streams` in `directory`. `head`: what is known before any event; `pageSize`: the number of bytes of a
  /// sub-buffer.
  init(
    _ directory: String, _ head: RecordingHead, _ streams: [PageStream], pageSize: Int, limits: RecordingLimits,
    version: TraceDatVersion
  ) throws(TraceFileError) {
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
    self.head = head
    self.buffers = buffers
    self.limits = limits
    self.version = version
    self.streams = streams.map { RecordedStreamName(buffer: $0.buffer, cpu: $0.cpu) }
    if limits.size != nil {
      try RecordingWriter.prepare(directory)
      segment = 1
      finishing = SegmentFinisher()
    }
    try begin()
  }

  /// Where the files are that grow.
  var place: String { segment == 0 ? directory : "\(directory)/\(RecordingSegments.name(segment))" }

  private func begin() throws(TraceFileError) {
    writer = try RecordingWriter(
      directory: place, head: head, buffers: buffers, version: version, task: getpid())
    note(.version(JournalNote.currentVersion))
    note(.streams(streams))
  }

  func keep(_ page: UnsafeRawBufferPointer, of position: Int) {
    part(position) { $0.pages += 1 }
    let place = places[position]
    attempt { writer throws(TraceFileError) in
      try writer?.append(page, buffer: place.buffer, position: place.position)
    }
  }

  var room: UnsafeMutableRawBufferPointer? { failure == nil ? writer?.room : nil }

  func keep(unread count: Int, of position: Int) {
    let place = places[position]
    var pages = 0
    attempt { writer throws(TraceFileError) in
      pages = try writer?.join(count, buffer: place.buffer, position: place.position) ?? 0
    }
    if pages > 0 { part(position) { $0.pages += pages } }
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

  /// Notes what a report has to know of the recording: `notes`, which it is to be told with each segment, and who the target is. Of
  /// the target and of others it keeps what the system says before anything ends.
  func note(beginning notes: [JournalNote], _ targets: [NamedProcess]) {
    for note in notes { self.note(note) }
    for target in targets { note(.target(target)) }
    prologue = notes.map { note in
      guard case .arguments(let arguments) = note else { return note }
      return .arguments(CaptureOptions.withoutCommand(arguments))
    }
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
    let written = writer?.bytesWritten ?? 0
    if now > flushed + Self.flushInterval || written > flushedBytes + Self.flushSize {
      flushed = now
      flushedBytes = written
      attempt { writer throws(TraceFileError) in try writer?.flush() }
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
    let kept = removed == 0 ? "" : ", of which the newest \(segment - removed) segments are kept"
    return "recorded \(bytesWritten >> 20) MiB to \(directory)\(kept): \(loss)"
  }

  /// Makes the recording whole. `pages`: the streams that were recorded.
  func finish(_ pages: borrowing LivePages) throws(TraceFileError) {
    try check()
    guard var writer = writer.take() else { return }
    bytesWritten += writer.bytesWritten
    // A long recording is not read again for the names of tasks that had ended before anybody looked.
    var recorded: [Int32: String] = [:]
    if writer.bytesWritten <= Self.mostBytesReadAgain {
      // Names are read from the files.
      try writer.settle()
      recorded = RecordedTaskNames.read(writer.directory, streams)
    }
    try writer.finish(tail(pages, recorded))
    if let failure = finishing?.wait() { throw failure }
  }

  /// What is known now that a recording ends. `recorded`: the names that its events give to tasks.
  private func tail(_ pages: borrowing LivePages, _ recorded: [Int32: String] = [:]) -> RecordingTail {
    let living = RecordingTail.Maps.read(targets)
    let names = names.merging(recorded) { _, last in last }.merging(SystemTasks.names()) { _, last in last }
    return RecordingTail(
      pages, names: names, maps: living + maps.filter { map in !living.contains { $0.pid == map.pid } })
  }
}

// MARK: Segments, and room

extension Recorder {
  /// Whether the segment has its size. `others`: the number of bytes of its other files; `isBusy`: events are left behind, so that
  /// it should end only if it has become twice as large. Where all segments are too large, old ones go.
  func isFull(others: UInt64, isBusy: Bool) -> Bool {
    guard let size = limits.segmentSize, let most = limits.size, let written = writer?.bytesWritten else {
      return false
    }
    let whole = RecordingSegments.paths(in: directory).filter { $0 != place }
    if whole.reduce(written + others, { $0 + Self.size(of: $1) }) > most - most / 16 {
      removeOldest(keeping: max(whole.count - 1, 0))
    }
    return written + others >= (isBusy ? 2 * size : size)
  }

  /// The number of bytes of the files in a directory.
  private static func size(of directory: String) -> UInt64 {
    ((try? SystemFiles.list(directory)) ?? []).reduce(0) { sum, name in
      var state = stat()
      return stat("\(directory)/\(name)", &state) == 0 ? sum + UInt64(max(state.st_size, 0)) : sum
    }
  }

  /// Begins the next segment; the one before, up to `time` (ns), is made whole meanwhile, and what is too old is removed. `targets`:
  /// the processes of the target now.
  func beginSegment(
    _ pages: borrowing LivePages, at time: UInt64, _ targets: [NamedProcess]
  ) throws(TraceFileError) {
    note(.cut(at: time))
    // Up to the cut all is there, so that a report needs no more.
    note(.turn(JournalTurn(now: time + Settling.time)))
    guard let writer = writer.take() else { return }
    bytesWritten += writer.bytesWritten
    if let failure = finishing?.finish(writer, tail(pages)) { throw failure }
    segment += 1
    removeOldest(keeping: limits.segments - 1)
    flushedBytes = 0
    try begin()
    note(beginning: prologue, targets)
  }

  /// Removes the oldest segments but so many; returns whether there was one.
  @discardableResult
  private func removeOldest(keeping kept: Int) -> Bool {
    let whole = RecordingSegments.paths(in: directory).filter { $0 != place }
    let old = whole.dropLast(kept)
    for path in old {
      // One that is being made whole is not removed under its maker's hands.
      if let failure = finishing?.wait(), self.failure == nil { self.failure = failure }
      for name in (try? SystemFiles.list(path)) ?? [] { unlink("\(path)/\(name)") }
      rmdir(path)
      removed += 1
    }
    return !old.isEmpty
  }

  /// Why the recording has to end now: the file system has less room than is to be left. Old segments go before that. `now`: the
  /// clock, ns; `others`: the number of bytes of the recording's other files.
  func lackOfRoom(_ now: UInt64, others: UInt64) -> String? {
    let written = bytesWritten + (writer?.bytesWritten ?? 0) + others
    // Others fill the file system too.
    guard now > roomChecked + 1_000_000_000 || written > writtenToCheck else { return nil }
    roomChecked = now
    while let room = limits.room(directory) {
      let left = room.bytes - Double(writer?.pendingBytes ?? 0)
      writtenToCheck = written + UInt64(max(left, 0) / 2)
      if left >= 0 { return nil }
      if removeOldest(keeping: max(RecordingSegments.paths(in: directory).count - 2, 0)) { continue }
      return "\(directory): \(limits.lack(room.free)) (--disk-reserve)"
    }
    return nil
  }
}
