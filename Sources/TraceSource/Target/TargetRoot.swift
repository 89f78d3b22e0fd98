internal import CTraceFS
internal import Glibc
internal import SystemPackage
internal import TraceModel

/// The target's root directory, open: its files can be read when it has ended.
package struct TargetRoot: ~Copyable {
  /// Bytes of a map that a run-time compiler writes; the rest of a larger one is not read.
  private static let mapLimit = 64 << 20

  /// -1 where the process had ended already, or may not be looked at.
  private let descriptor: Int32
  /// The target's id as it knows it, by which it names its files.
  private let ownPID: Int32
  private let owner: uid_t
  /// A path of it that stays valid as long as this value; nil where it is this process's own.
  package let path: String?

  package init(of target: TargetProcess) {
    let directory = ProcessDirectory.of(target.pid)
    let root = open("\(directory)/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    descriptor = root
    let isOwn =
      FileIdentity("\(directory)/root/.") == FileIdentity("/proc/self/root/.")
      && FileIdentity("\(directory)/ns/mnt") == FileIdentity("/proc/self/ns/mnt")
    path = isOwn || root < 0 ? nil : "/proc/self/fd/\(root)"
    // In the innermost of its namespaces; real, effective, saved and file system's.
    let details = ProcessStatus.details(pid: target.pid, ["NSpid", "Uid"])
    ownPID = details[0].last.flatMap { Int32($0) } ?? target.pid
    owner = details[1].dropFirst().first.flatMap { uid_t($0) } ?? uid_t.max
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }

  /// What a run-time compiler in the target has written of its code (`/tmp/perf-PID.map`); empty where there is none. As with
  /// perf, only a regular file counts, of the target's user or root, and not a symbolic link to one: /tmp is everyone's.
  package func readPerfMap() -> [UInt8] {
    let file = kdelay_open_in_root(descriptor, "/tmp/perf-\(ownPID).map", O_NOFOLLOW)
    guard file >= 0 else { return [] }
    let owned = OwnedDescriptor(FileDescriptor(rawValue: file))
    guard let status = try? owned.descriptor.stat(), status.type == .regular,
      [owner, 0].contains(status.userID.rawValue)
    else { return [] }
    return (try? SystemFiles.readBytes(of: owned.descriptor, limit: Self.mapLimit)) ?? []
  }
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
