internal import Glibc
internal import SystemPackage

/// Where reports go: stdout, or a file that appears under its name only when all of it has been written. A path that is no
/// regular file (a pipe, a device) is written to as it is.
struct ReportOutput: ~Copyable {
  private let name: String
  /// Renamed to this at the end; nil where there is nothing to rename.
  private let path: String?
  private let temporaryPath: String
  private let descriptor: FileDescriptor
  private var isFinished = false

  /// Opens it, so that an unwritable place is known before anything is measured. nil: stdout.
  init(path: String?) throws(ToolError) {
    name = path ?? "stdout"
    let isSpecial = path.map(Self.isSpecial) ?? true
    self.path = isSpecial ? nil : path
    temporaryPath = "\(name).\(getpid()).tmp"
    guard let path else {
      descriptor = .standardOutput
      return
    }
    do {
      descriptor =
        isSpecial
        ? try FileDescriptor.open(FilePath(path), .writeOnly, options: .closeOnExec)
        : try FileDescriptor.open(
          FilePath(temporaryPath), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
          permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch {
      throw Self.failure(path, error)
    }
  }

  private static func isSpecial(_ path: String) -> Bool {
    (try? FilePath(path).stat().type).map { $0 != .regular } ?? false
  }

  deinit {
    guard path != nil, !isFinished else { return }
    try? descriptor.close()
    unlink(temporaryPath)
  }

  /// Removes what was written so far.
  func discard() {
    if path != nil, !isFinished { unlink(temporaryPath) }
  }

  mutating func write(_ text: String) throws(ToolError) {
    do { try descriptor.writeAll(text.utf8) } catch { throw Self.failure(name, error) }
  }

  /// Gives the file its name.
  mutating func finish() throws(ToolError) {
    guard let path, !isFinished else { return }
    // A full disk may show only now.
    guard fsync(descriptor.rawValue) == 0 || errno == EINVAL, rename(temporaryPath, path) == 0 else {
      throw Self.failure(path, Errno(rawValue: errno))
    }
    try? descriptor.close()
    isFinished = true
  }

  private static func failure(_ path: String, _ error: any Error) -> ToolError {
    ToolError(
      status: .outputFailed, what: "cannot write the report to \(path): \(error)",
      remedy: path == "stdout"
        ? "keep the reader of the output alive, or use -o FILE" : "choose a writable place with enough room")
  }
}
