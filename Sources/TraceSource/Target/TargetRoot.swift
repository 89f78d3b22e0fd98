internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage
internal import TraceModel

/// The root directories of a process, open: its files can be read when it has ended. A process can have several, one after
/// another (`chroot`, `pivot_root`).
struct TargetRoot {
  /// The most bytes of a run-time compiler's map that are read; the rest of a larger one is not.
  private static let mapLimit = 64 << 20

  /// The most root directories of a process. Those after them are not followed: names of files go by the descriptors of all
  /// before.
  private static let limit = 16

  private let pid: Int32
  /// The latest last; none where the process had ended already, or may not be looked at. Whoever uses paths of them later than
  /// this value lives keeps these.
  private(set) var directories: [OpenDirectory] = []
  private var latest: Identity?
  /// The target's id as it knows it, by which it names its files.
  private let ownPID: Int32
  private let owner: uid_t
  /// A path of the latest root directory that stays valid as long as `directories`; nil where it is this process's own.
  private(set) var path: String?

  /// What makes two root directories the same.
  private struct Identity: Equatable {
    let directory: FileIdentity
    let mountNamespace: FileIdentity

    init?(_ process: String) {
      guard let directory = FileIdentity("\(process)/root/."), let namespace = FileIdentity("\(process)/ns/mnt") else {
        return nil
      }
      self.directory = directory
      mountNamespace = namespace
    }
  }

  init(of pid: Int32, _ open: inout OpenDirectories) {
    self.pid = pid
    // In the innermost of its namespaces; real, effective, saved and file system's.
    let details = ProcessStatus.details(pid: pid, ["NSpid", "Uid"])
    ownPID = details[0].last.flatMap { Int32($0) } ?? pid
    owner = details[1].dropFirst().first.flatMap { uid_t($0) } ?? uid_t.max
    _ = follow(&open)
  }

  /// Looks whether the target has another root directory than before.
  ///
  /// A mount namespace of its own with the same root is none: an open directory keeps its mount busy, and the target could not
  /// unmount the old root there after `pivot_root`.
  mutating func follow(_ open: inout OpenDirectories) -> Bool {
    let directory = ProcessDirectory.of(pid)
    guard directories.count < Self.limit, let now = Identity(directory), now.directory != latest?.directory else {
      return false
    }
    let root = open.directory("\(directory)/root", now.directory)
    if let root { directories.append(root) }
    latest = now
    path = now == Identity("/proc/self") ? nil : root?.path ?? "\(directory)/root"
    return true
  }

  /// What a run-time compiler in the target has written of its code (`/tmp/perf-PID.map`); nil where there is none. As with
  /// perf, only a regular file counts, of the target's user or root, and not a symbolic link to one: /tmp is everyone's.
  /// `known`: what was read last, which is given back if nothing was written since.
  func readPerfMap(known: PerfMapFile?) -> PerfMapFile? {
    for directory in directories.reversed() {
      if let map = readPerfMap(below: directory.descriptor, known) { return map }
    }
    return nil
  }

  private func readPerfMap(below root: Int32, _ known: PerfMapFile?) -> PerfMapFile? {
    let file = kdelay_open_in_root(root, "/tmp/perf-\(ownPID).map", O_NOFOLLOW)
    guard file >= 0 else { return nil }
    let owned = OwnedDescriptor(FileDescriptor(rawValue: file))
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, [owner, 0].contains(status.st_uid) else {
      return nil
    }
    let stamp = PerfMapFile.Stamp(status)
    if let known, known.stamp == stamp { return known }
    guard let bytes = try? SystemFiles.readBytes(of: owned.descriptor, limit: Self.mapLimit) else { return nil }
    return PerfMapFile(stamp: stamp, bytes: bytes)
  }
}

/// What a run-time compiler has written of its code, and when.
struct PerfMapFile: Sendable {
  struct Stamp: Equatable {
    private let inode: UInt
    private let size: Int
    private let seconds: Int
    private let nanoseconds: Int

    init(_ status: stat) {
      (inode, size) = (UInt(status.st_ino), Int(status.st_size))
      (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }
  }

  let stamp: Stamp
  let bytes: [UInt8]
}

/// Directories that are kept open, each once, whatever number of processes have them.
struct OpenDirectories {
  /// The most directories that are kept open. In any further one, files are found only as long as its processes live.
  private static let limit = 64

  private var known: [FileIdentity: OpenDirectory] = [:]

  var all: [OpenDirectory] { Array(known.values) }

  /// The directory at `path`, which is `identity`; nil where it cannot be opened, or there are too many.
  mutating func directory(_ path: String, _ identity: FileIdentity) -> OpenDirectory? {
    if let open = known[identity] { return open }
    guard known.count < Self.limit, let new = OpenDirectory(path) else { return nil }
    known[identity] = new
    return new
  }
}

/// A directory that is open until the last who refers to it is gone.
package final class OpenDirectory: Sendable {
  fileprivate let descriptor: Int32

  fileprivate init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  fileprivate var path: String { "/proc/self/fd/\(descriptor)" }
}
