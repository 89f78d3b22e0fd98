internal import Glibc
internal import SystemCalls

/// What is to be written to a recording's files: a thread of its own does it, in the order in which it was handed over. So a disk that
/// is held up for a while holds up nobody, as long as there is room.
///
/// What makes it `Sendable`: all is guarded by the monitor. The files are touched by the thread alone, until all is written.
final class WriteQueue: @unchecked Sendable {
  /// Something to be written at `offset` of a file.
  private struct Job {
    let file: PieceFile
    let offset: UInt64
    let content: Content
  }

  private enum Content {
    /// A part of a piece of memory, which is free when it is written.
    case room(UnsafeMutableRawBufferPointer, Range<Int>)
    /// Bytes that go through the page cache, and, if they are the first there, how many bytes the file has then.
    case bytes([UInt8], fileSize: UInt64?)
  }

  private let monitor = Monitor()
  private var jobs: [Job] = []
  /// Whether the thread is writing.
  private var isBusy = false
  private var isClosed = false
  private var free: [UnsafeMutableRawBufferPointer] = []
  private var roomCount = 0
  /// The piece of memory that is being filled.
  private var current: UnsafeMutableRawBufferPointer?
  private var failed: TraceFileError?

  /// The number of bytes of a piece of memory. Direct writes of 64 KiB take three times as long a byte.
  static let roomSize = 1 << 20
  /// The most pieces of memory: what a quarter of a second at full rate fills. When none is free the reader waits, and the kernel's
  /// buffers fill.
  private static let mostRooms = 64

  /// A queue with a thread, which ends after `close`.
  init() { startThread { self.run() } }

  deinit { for room in free { room.deallocate() } }

  /// Memory to be filled, 1 MiB: the same until it is handed over.
  func room() -> UnsafeMutableRawBufferPointer {
    if let current { return current }
    let room = monitor.locked { () -> UnsafeMutableRawBufferPointer? in
      while free.isEmpty, roomCount == Self.mostRooms { monitor.wait() }
      if free.isEmpty { roomCount += 1 }
      return free.popLast()
    }
    let made = room ?? Self.makeRoom()
    current = made
    return made
  }

  private static func makeRoom() -> UnsafeMutableRawBufferPointer {
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: roomSize, alignment: 2 * roomSize)
    // Direct writes pin each page of memory: of a huge one there is one.
    madvise(room.baseAddress, roomSize, MADV_HUGEPAGE)
    return room
  }

  /// Hands over a part of what `room` gave, to be written at `offset` of a file.
  func write(room range: Range<Int>, to file: PieceFile, at offset: UInt64) {
    let filled = room()
    current = nil
    add(Job(file: file, offset: offset, content: .room(filled, range)))
  }

  /// Hands over a few bytes. `fileSize`: how many bytes the file has then; nil where that does not change.
  func write(_ bytes: [UInt8], to file: PieceFile, at offset: UInt64, fileSize: UInt64? = nil) {
    add(Job(file: file, offset: offset, content: .bytes(bytes, fileSize: fileSize)))
  }

  private func add(_ job: Job) {
    monitor.locked {
      jobs.append(job)
      monitor.broadcast()
    }
  }

  /// The number of bytes, at most, that are not written yet.
  var pendingBytes: UInt64 { monitor.locked { UInt64((roomCount - free.count) * Self.roomSize) } }

  /// Why something could not be written; nothing is written any more after that.
  var failure: TraceFileError? { monitor.locked { failed } }

  /// Waits until all is written.
  func settle() throws(TraceFileError) {
    monitor.locked { while isBusy || !jobs.isEmpty { monitor.wait() } }
    if let failure { throw failure }
  }

  /// Ends the thread when all is written.
  func close() {
    monitor.locked {
      isClosed = true
      monitor.broadcast()
    }
  }

  private func run() {
    while let jobs = takeJobs() {
      for job in jobs { perform(job) }
    }
    monitor.locked {
      isBusy = false
      if let current { free.append(current) }
      current = nil
      monitor.broadcast()
    }
  }

  private func takeJobs() -> [Job]? {
    monitor.locked {
      isBusy = false
      monitor.broadcast()
      while jobs.isEmpty, !isClosed { monitor.wait() }
      guard !jobs.isEmpty else { return nil }
      isBusy = true
      defer { jobs.removeAll(keepingCapacity: true) }
      return jobs
    }
  }

  private func perform(_ job: Job) {
    if failure == nil {
      do throws(TraceFileError) { try write(job) } catch { monitor.locked { failed = error } }
    }
    guard case .room(let room, _) = job.content else { return }
    monitor.locked {
      free.append(room)
      monitor.broadcast()
    }
  }

  private func write(_ job: Job) throws(TraceFileError) {
    switch job.content {
    case .room(let room, let range):
      try job.file.append(UnsafeRawBufferPointer(rebasing: room[range]), at: job.offset)
    case .bytes(let bytes, let fileSize):
      try job.file.write(bytes, at: job.offset, fileSize: fileSize)
    }
  }
}
