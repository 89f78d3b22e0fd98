internal import Glibc
internal import Synchronization

/// Debug files, and programs of recordings, from the servers that `DEBUGINFOD_URLS` names, through elfutils' client library where that is installed.
///
/// Looked up at run time: nobody needs it to run the tool. What was fetched stays in the library's cache. What a server learns
/// are the build-ids of the target's files.
final class DebugInfoServer: Sendable {
  private typealias Begin = @convention(c) () -> OpaquePointer?
  private typealias End = @convention(c) (OpaquePointer) -> Void
  private typealias Find =
    @convention(c) (
      OpaquePointer, UnsafePointer<UInt8>, Int32, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    ) -> Int32
  /// The type of the callback that says whether the search goes on: anything but 0 ends it. It is called at least once a second
  /// while the library waits.
  private typealias Progress = @convention(c) (OpaquePointer?, Int, Int) -> Int32
  private typealias SetProgress = @convention(c) (OpaquePointer, Progress) -> Void

  static let shared = DebugInfoServer()

  /// What servers have of a build-id.
  enum Kind: String {
    case debugFile = "debuginfod_find_debuginfo"
    case program = "debuginfod_find_executable"
  }

  /// The deadline of the search that runs. In the library's older versions its callback has no way to anything but a global.
  private static let deadline = Mutex(ContinuousClock.now)

  /// The time in s without a byte after which a server is given up, unless the user has set another time.
  private static let patience = "10"

  private let fileLimit: Duration
  private let totalLimit: Duration
  private let spent = Mutex(Duration.zero)

  /// Sets the limits of time. A search lasts at most `fileLimit`, all of them about `totalLimit`: a report waits for them.
  init(fileLimit: Duration = .seconds(20), totalLimit: Duration = .seconds(60)) {
    self.fileLimit = fileLimit
    self.totalLimit = totalLimit
  }

  /// Path of a file of a build-id; nil where no server is named, none has it, or none answers in time.
  func find(_ kind: Kind = .debugFile, buildID: [UInt8]) -> String? {
    guard let urls = getenv("DEBUGINFOD_URLS"), urls.pointee != 0, !buildID.isEmpty else { return nil }
    return spent.withLock { spent in
      guard spent < totalLimit else { return nil }
      let start = ContinuousClock.now
      defer { spent += ContinuousClock.now - start }
      Self.deadline.withLock { $0 = start + min(fileLimit, totalLimit - spent) }
      return Self.search(kind, buildID)
    }
  }

  private static func search(_ kind: Kind, _ buildID: [UInt8]) -> String? {
    guard let library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL),
      let begin = dlsym(library, "debuginfod_begin").map({ unsafeBitCast($0, to: Begin.self) }),
      let end = dlsym(library, "debuginfod_end").map({ unsafeBitCast($0, to: End.self) }),
      let find = dlsym(library, kind.rawValue).map({ unsafeBitCast($0, to: Find.self) }),
      let setProgress = dlsym(library, "debuginfod_set_progressfn").map({ unsafeBitCast($0, to: SetProgress.self) })
    else { return nil }
    setenv("DEBUGINFOD_TIMEOUT", patience, 0)
    guard let client = begin() else { return nil }
    defer { end(client) }
    setProgress(client) { _, _, _ in ContinuousClock.now < DebugInfoServer.deadline.withLock { $0 } ? 0 : 1 }
    var path: UnsafeMutablePointer<CChar>?
    let file = find(client, buildID, Int32(buildID.count), &path)
    guard file >= 0, let path else { return nil }
    close(file)
    defer { free(path) }
    return String(cString: path)
  }
}
