internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage

/// Who an instance belongs to: the tool's process, by pid and start time, so that a reused pid is nobody.
///
/// Liveness is shown twice, and an instance is stale only where both say so: the process is gone, and the lock on the
/// instance's directory is free. The lock is what an owner in another pid namespace, whose pid means nothing here, has.
package struct InstanceOwner: Sendable, Equatable {
  package let pid: Int32
  /// When the process began, clock ticks since boot: field 22 of /proc/PID/stat.
  package let startTime: UInt64

  package init(pid: Int32, startTime: UInt64) {
    self.pid = pid
    self.startTime = startTime
  }

  /// The owner that this process is.
  package static var current: InstanceOwner {
    InstanceOwner(pid: getpid(), startTime: ProcessStatus.read(pid: getpid())?.startTime ?? 0)
  }

  /// What an instance is for.
  package enum Purpose: String, Sendable {
    case data = ""
    case triggers = "-triggers"
    /// A stop trigger that needs an instance of its own.
    case stopTrigger = "-stop"
    /// Calls that return triggers wait for.
    case calls = "-calls"
    /// Scheduling and interrupts of the whole machine.
    case machine = "-machine"
    /// Stacks, where there are no perf events.
    case stacks = "-stacks"
    /// What recording costs is measured there.
    case calibration = "-calibration"

    /// The name of the instance's buffer in a recording.
    var bufferName: String { String(rawValue.dropFirst()) }
  }

  package func instanceName(_ purpose: Purpose = .data) -> String { "kdelay-\(pid)-\(startTime)\(purpose.rawValue)" }

  /// The group of the owner's dynamic events.
  package var probeGroupName: String { "kdelay_\(pid)_\(startTime)" }

  /// The owner that an instance's name tells; nil for somebody else's instance.
  package init?(instanceName: String) {
    let parts = instanceName.split(separator: "-", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count >= 3, parts.count == 3 || Purpose(rawValue: "-\(parts[3])") != nil else { return nil }
    self.init(parts)
  }

  /// The owner that a dynamic event's group tells; nil for somebody else's.
  package init?(probeGroupName: String) {
    let parts = probeGroupName.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    self.init(parts)
  }

  private init?(_ parts: [Substring]) {
    guard parts[0] == "kdelay", let pid = Int32(parts[1]), let startTime = UInt64(parts[2]) else { return nil }
    self.init(pid: pid, startTime: startTime)
  }

  /// Whether the process is there, as far as this pid namespace shows.
  package var isRunning: Bool { ProcessStatus.read(pid: pid)?.startTime == startTime }
}

/// An advisory lock (flock) on a directory; the kernel drops it when its holder dies, however it dies.
struct DirectoryLock: ~Copyable {
  private let directory: OwnedDescriptor

  /// Takes the lock when it becomes free; nil where the directory cannot be opened.
  static func wait(for path: String) -> DirectoryLock? { take(path, LOCK_EX) }

  /// Whether nobody holds the lock. A directory that is gone or unreadable counts as held: nothing to remove there.
  static func isFree(_ path: String) -> Bool { take(path, LOCK_EX | LOCK_NB) != nil }

  private static func take(_ path: String, _ operation: Int32) -> DirectoryLock? {
    guard
      let directory = try? FileDescriptor.open(
        FilePath(path), .readOnly, options: [.directory, .closeOnExec])
    else { return nil }
    let owned = OwnedDescriptor(directory)
    guard (try? uninterrupted { flock(directory.rawValue, operation) }) != nil else { return nil }
    return DirectoryLock(directory: owned)
  }
}
