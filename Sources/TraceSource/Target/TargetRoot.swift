internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage
internal import TraceModel

/// The root directories of a process, open: its files can be read when it has ended. A process can have several, one after
/// another (`chroot`, `pivot_root`).
package struct TargetRoot {
  /// Bytes of a map that a run-time compiler writes; the rest of a larger one is not read.
  private static let mapLimit = 64 << 20

  /// Those after it are not followed: names of files go by the descriptors of all before.
  private static let limit = 16

  private let pid: Int32
  /// The latest last; none where the process had ended already, or may not be looked at. Whoever uses paths of them later than
  /// this value lives keeps these.
  package private(set) var directories: [OpenDirectory] = []
  private var latest: Identity?
  /// The target's id as it knows it, by which it names its files.
  private let ownPID: Int32
  private let owner: uid_t
  /// A path of the latest that stays valid as long as `directories`; nil where it is this process's own.
  package private(set) var path: String?

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

  package init(of pid: Int32) {
    self.pid = pid
    // In the innermost of its namespaces; real, effective, saved and file system's.
    let details = ProcessStatus.details(pid: pid, ["NSpid", "Uid"])
    ownPID = details[0].last.flatMap { Int32($0) } ?? pid
    owner = details[1].dropFirst().first.flatMap { uid_t($0) } ?? uid_t.max
    _ = follow()
  }

  /// Looks whether the target has another root directory than before.
  ///
  /// A mount namespace of its own with the same root is none: an open directory keeps its mount busy, and the target could not
  /// unmount the old root there after `pivot_root`.
  package mutating func follow() -> Bool {
    let directory = ProcessDirectory.of(pid)
    guard directories.count < Self.limit, let now = Identity(directory), now.directory != latest?.directory,
      let root = OpenDirectory("\(directory)/root")
    else { return false }
    directories.append(root)
    latest = now
    path = now == Identity("/proc/self") ? nil : root.path
    return true
  }

  /// What a run-time compiler in the target has written of its code (`/tmp/perf-PID.map`); empty where there is none. As with
  /// perf, only a regular file counts, of the target's user or root, and not a symbolic link to one: /tmp is everyone's.
  package func readPerfMap() -> [UInt8] {
    for directory in directories.reversed() {
      if let map = readPerfMap(below: directory.descriptor) { return map }
    }
    return []
  }

  private func readPerfMap(below root: Int32) -> [UInt8]? {
    let file = kdelay_open_in_root(root, "/tmp/perf-\(ownPID).map", O_NOFOLLOW)
    guard file >= 0 else { return nil }
    let owned = OwnedDescriptor(FileDescriptor(rawValue: file))
    guard let status = try? owned.descriptor.stat(), status.type == .regular,
      [owner, 0].contains(status.userID.rawValue)
    else { return nil }
    return try? SystemFiles.readBytes(of: owned.descriptor, limit: Self.mapLimit)
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

/// The code that the kernel maps into each process.
package enum VDSO {
  /// Its image, which is the same in all 64-bit processes; empty where there is none.
  package static var bytes: [UInt8] {
    guard let own = CodeMapping.all(of: getpid()).first(where: { $0.path == "[vdso]" }),
      let start = UnsafeRawPointer(bitPattern: UInt(own.start))
    else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(own.length)))
  }
}
