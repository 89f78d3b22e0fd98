internal import CTraceFS
internal import Glibc
internal import SystemPackage

/// Where reports go: stdout, or a file that appears under its name only when all of it has been written. A path that is no
/// regular file (a pipe, a device) is written to as it is.
///
/// The file has no name until then (O_TMPFILE), so that a run that is killed leaves nothing; where the file system cannot do
/// that, it is `FILE.PID.tmp`.
struct ReportOutput: ~Copyable {
  private let name: String
  /// The path that the file gets at the end; nil where there is nothing to rename.
  private let path: String?
  private let temporaryPath: String
  private let descriptor: FileDescriptor
  /// Whether there is something at `temporaryPath`.
  private let isNamed: Bool
  private var isFinished = false

  /// Opens the place at `path`, so that an unwritable one is known before anything is measured. Nil: stdout.
  init(path: String?) throws(ToolError) {
    let isSpecial = path.map(Self.isSpecial) ?? true
    let name = path ?? "stdout"
    let temporaryPath = path.map(Self.temporaryPath) ?? ""
    self.name = name
    self.path = isSpecial ? nil : path
    self.temporaryPath = temporaryPath
    (descriptor, isNamed) = try Self.open(path, isSpecial: isSpecial, temporaryPath)
  }

  private static func open(
    _ path: String?, isSpecial: Bool, _ temporaryPath: String
  ) throws(ToolError) -> (FileDescriptor, isNamed: Bool) {
    guard let path else {
      guard isWritable(1) else { throw failure("stdout", Errno.badFileDescriptor) }
      return (.standardOutput, false)
    }
    try checkLength(path)
    let unnamed = isSpecial ? -1 : kdelay_open_unnamed(directory(of: path))
    if unnamed >= 0 { return (FileDescriptor(rawValue: unnamed), false) }
    do {
      if isSpecial { return (try FileDescriptor.open(FilePath(path), .writeOnly, options: .closeOnExec), false) }
      let named = try FileDescriptor.open(
        FilePath(temporaryPath), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
      return (named, true)
    } catch {
      throw failure(path, error)
    }
  }

  /// Fails where the file's name will be too long, which an unnamed file does not tell.
  private static func checkLength(_ path: String) throws(ToolError) {
    guard let last = path.split(separator: "/").last, last.utf8.count > Int(NAME_MAX) else { return }
    throw failure(path, Errno.fileNameTooLong)
  }

  /// A path for the file before it has its name: in the same directory, and no longer than names may be.
  private static func temporaryPath(_ path: String) -> String {
    let suffix = ".\(getpid()).tmp"
    let name = path.split(separator: "/").last ?? ""
    var kept = name
    while kept.utf8.count + suffix.utf8.count > Int(NAME_MAX) { kept.removeLast() }
    return String(path.dropLast(name.count)) + kept + suffix
  }

  private static func isWritable(_ descriptor: Int32) -> Bool {
    let flags = fcntl(descriptor, F_GETFL)
    return flags >= 0 && flags & O_ACCMODE != O_RDONLY
  }

  private static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return String(path[...slash])
  }

  private static func isSpecial(_ path: String) -> Bool {
    (try? FilePath(path).stat().type).map { $0 != .regular } ?? false
  }

  deinit {
    guard path != nil, !isFinished else { return }
    try? descriptor.close()
    if isNamed { unlink(temporaryPath) }
  }

  /// Removes what was written so far.
  func discard() {
    if isNamed, !isFinished { unlink(temporaryPath) }
  }

  mutating func write(_ text: String) throws(ToolError) { try write(Array(text.utf8)) }

  mutating func write(_ bytes: [UInt8]) throws(ToolError) {
    do { try descriptor.writeAll(bytes) } catch { throw Self.failure(name, error) }
  }

  /// Gives the file its name.
  mutating func finish() throws(ToolError) {
    guard let path, !isFinished else { return }
    // A full disk may show only now.
    guard fsync(descriptor.rawValue) == 0 || errno == EINVAL, giveName(path) else {
      throw Self.failure(path, Errno(rawValue: errno))
    }
    try? descriptor.close()
    isFinished = true
  }

  /// Makes the file appear at `path`, in place of what is there. Returns false with errno on failure.
  private func giveName(_ path: String) -> Bool {
    func link(to name: String) -> Bool {
      linkat(AT_FDCWD, "/proc/self/fd/\(descriptor.rawValue)", AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0
    }
    if !isNamed {
      if link(to: path) { return true }
      // A link replaces nothing, a rename does.
      guard errno == EEXIST, link(to: temporaryPath) else { return false }
    }
    if rename(temporaryPath, path) == 0 { return true }
    let reason = errno
    unlink(temporaryPath)
    errno = reason
    return false
  }

  private static func failure(_ path: String, _ error: any Error) -> ToolError {
    ToolError(
      status: .outputFailed, what: "cannot write the report to \(path): \(error)",
      remedy: path == "stdout"
        ? "keep stdout open and its reader alive, or use -o FILE" : "choose a writable place with enough room")
  }
}
