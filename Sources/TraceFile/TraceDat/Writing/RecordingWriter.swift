internal import Glibc
internal import SystemCalls
internal import SystemPackage

/// Writes a recording: sub-buffers as they come, each CPU's to a file of its own, and at the end all of them to one trace.dat.
///
/// Whatever ends it, what was written can be read (see `RecordingNames`).
package struct RecordingWriter: ~Copyable {
  package let directory: String
  private let version: TraceDatVersion
  private let head: RecordingHead
  /// The buffers; the journal is the last.
  private let buffers: [RecordingBuffer]
  /// By buffer and position of the CPU in it; nil where there was nothing yet.
  private var pieces: [[RecordingPiece?]]
  private let queue: WriteQueue
  private var notes: NotePage
  /// Whether the last sub-buffer of the journal's piece is what `notes` had before.
  private var hasWrittenNotes = false
  /// Whether there are notes that are in no file.
  private var hasNewNotes = false
  /// The number of bytes of sub-buffers so far.
  package private(set) var bytesWritten: UInt64 = 0

  /// The number of bytes of the journal's sub-buffers where they need not be those of the others.
  private static let notePageSize = 4096

  /// Begins a recording in a directory, which is made where it is not there. `buffers`: the top one first; the journal comes
  /// besides. `task`: the id of the task that notes.
  package init(
    directory: String, head: RecordingHead, buffers: [RecordingBuffer], version: TraceDatVersion = .seven, task: Int32
  ) throws(TraceFileError) {
    try Self.prepare(directory)
    let pageSize = version == .six ? buffers.first?.pageSize ?? Self.notePageSize : Self.notePageSize
    let journal = RecordingBuffer(name: RecordingNames.journal, pageSize: pageSize, cpus: [0])
    guard version != .six || buffers.allSatisfy({ $0.pageSize == pageSize }) else {
      throw TraceFileError(
        .unsupported, "\(directory)/\(RecordingNames.recording)", "version 6 has room for one size of sub-buffers",
        remedy: "record version 7")
    }
    let all = buffers + [journal]
    let nothing = all.map { $0.cpus.map { _ in UInt64(0) } }
    _ = try RecordingAssembly.write(
      TraceDatLayout(version, head, all, sizes: nothing), as: RecordingNames.head, in: directory)
    self.directory = directory
    self.version = version
    self.head = head
    self.buffers = all
    pieces = all.map { Array(repeating: nil, count: $0.cpus.count) }
    notes = NotePage(size: pageSize, task: task)
    queue = WriteQueue()
  }

  deinit { queue.close() }

  /// Makes the directory, or sees that no recording is in it.
  package static func prepare(_ directory: String) throws(TraceFileError) {
    do { try uninterrupted { mkdir(directory, 0o755) } } catch {
      guard error == .fileExists else { throw TraceFileError(.unwritable, directory, "\(error)") }
    }
    let names: [String]
    do { names = try SystemFiles.list(directory) } catch { throw TraceFileError(.unwritable, directory, "\(error)") }
    guard let other = names.sorted().first(where: RecordingNames.isOfRecording) else { return }
    throw TraceFileError(
      .unwritable, directory, "has a recording already: \(other)", remedy: "name another directory, or remove that one")
  }

  /// The number of the journal's buffer.
  private var journal: Int { buffers.count - 1 }

  /// Adds a sub-buffer of a CPU, which is at `position` of its buffer.
  package mutating func append(
    _ page: UnsafeRawBufferPointer, buffer: Int, position: Int
  ) throws(TraceFileError) {
    try piece(buffer, position).append(page)
    bytesWritten += UInt64(page.count)
  }

  /// Memory for sub-buffers that are read in a row, before `join` adds them; the same until then. Waits while there is none.
  package var room: UnsafeMutableRawBufferPointer { queue.room() }

  /// Adds the sub-buffers of a CPU that are in the first `count` bytes of `room`. The last may not be full: what is read next is then
  /// joined to it, so that a buffer that is read often does not become a row of nearly empty sub-buffers. Returns how many
  /// sub-buffers there are more.
  package mutating func join(_ count: Int, buffer: Int, position: Int) throws(TraceFileError) -> Int {
    let pages = try piece(buffer, position).join(count)
    bytesWritten += UInt64(pages * buffers[buffer].pageSize)
    return pages
  }

  /// Has the sub-buffers and the notes written that are in memory only, notes last: they tell of sub-buffers. A journal's
  /// sub-buffer that is not full is written again when it has more.
  package mutating func flush() throws(TraceFileError) {
    for buffer in pieces { for piece in buffer { piece?.flush() } }
    try flushNotes()
    if let failure = queue.failure { throw failure }
  }

  /// The number of bytes, at most, that are in memory only.
  package var pendingBytes: UInt64 { queue.pendingBytes }

  /// Waits until all is in the files.
  package mutating func settle() throws(TraceFileError) {
    try flush()
    try queue.settle()
  }

  private mutating func piece(_ buffer: Int, _ position: Int) throws(TraceFileError) -> RecordingPiece {
    if let piece = pieces[buffer][position] { return piece }
    let name = RecordingNames.piece(buffer: buffers[buffer].name, cpu: buffers[buffer].cpus[position])
    let piece = try RecordingPiece("\(directory)/\(name)", pageSize: buffers[buffer].pageSize, queue)
    pieces[buffer][position] = piece
    return piece
  }

  /// Adds a note to the journal. It is in a file after `flush`, or when there is room for no more.
  package mutating func note(_ text: String, at time: UInt64) throws(TraceFileError) {
    let bytes = text.utf8.prefix(NotePage.capacity(size: notes.bytes.count))
    if !notes.add(bytes, at: time) {
      try flushNotes()
      notes.removeAll()
      hasWrittenNotes = false
      _ = notes.add(bytes, at: time)
    }
    hasNewNotes = true
  }

  private mutating func flushNotes() throws(TraceFileError) {
    guard hasNewNotes else { return }
    let piece = try piece(journal, 0)
    if hasWrittenNotes {
      piece.replaceLast(notes.bytes)
    } else {
      notes.bytes.withUnsafeBytes { piece.append($0) }
      bytesWritten += UInt64(notes.bytes.count)
    }
    hasWrittenNotes = true
    hasNewNotes = false
  }

  /// Ends the recording: makes one trace.dat of its files.
  package consuming func finish(_ tail: RecordingTail) throws(TraceFileError) {
    try settle()
    let sizes = pieces.map { $0.map { $0?.size ?? 0 } }
    let layout = TraceDatLayout(version, head, buffers, sizes: sizes, tail)
    var assembly = try RecordingAssembly(layout, in: directory)
    for place in layout.places {
      guard let piece = pieces[place.buffer][place.position] else { continue }
      let buffer = buffers[place.buffer]
      try assembly.take(
        piece, RecordingNames.piece(buffer: buffer.name, cpu: buffer.cpus[place.position]), at: place.offset)
    }
    try assembly.finish()
  }
}
