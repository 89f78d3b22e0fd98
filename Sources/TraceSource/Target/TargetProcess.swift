internal import CTraceFS
internal import Glibc
package import SystemCalls
internal import SystemPackage
package import TraceModel

/// The process that is watched.
package struct TargetProcess: Sendable, Equatable {
  /// The thread group's id, which is its first thread's too.
  package let pid: Int32
  package let name: String

  /// The process by its id and its name.
  package var named: NamedProcess { NamedProcess(pid: pid, name: name) }

  /// The process with this id, if it can be watched.
  package static func find(pid: Int32) throws(CaptureError) -> TargetProcess {
    guard pid > 0, let status = ProcessStatus.read(pid: pid) else {
      throw CaptureError(.noTarget, "there is no process \(pid)", remedy: "check the pid with `ps -e`")
    }
    if !ProcessStatus.isAlive(pid, status) {
      throw CaptureError(
        .noTarget, "process \(pid) (\(status.name)) is a zombie: it has ended already",
        remedy: "watch its parent, process \(status.parent), or start it anew with `-- COMMAND`")
    }
    if status.isKernelThread {
      throw CaptureError(
        .noTarget, "process \(pid) (\(status.name)) is a kernel thread, which makes no syscalls",
        remedy: "name a user-space process")
    }
    let threadGroup = ProcessStatus.details(pid: pid, ["Tgid"])[0].first
    if let leader = threadGroup.flatMap({ Int32($0) }), leader != pid {
      throw CaptureError(
        .noTarget, "\(pid) (\(status.name)) is a thread of process \(leader)",
        remedy: "use -p \(leader)")
    }
    return TargetProcess(pid: pid, name: status.name)
  }

  /// The only process whose name contains `name`. A daemon's own monitor process does not count.
  package static func findOnly(named name: String) throws(CaptureError) -> TargetProcess {
    var candidates: [TargetProcess] = []
    for entry in (try? SystemFiles.list("/proc")) ?? [] {
      guard let pid = Int32(entry), let status = ProcessStatus.read(pid: pid), status.name.contains(name),
        ProcessStatus.isAlive(pid, status), !isMonitor(pid)
      else { continue }
      candidates.append(TargetProcess(pid: pid, name: status.name))
    }
    guard let only = candidates.first else {
      throw CaptureError(
        .noTarget, "no process named '\(name)' is running", remedy: "name one with -p PID or -- COMMAND")
    }
    guard candidates.count == 1 else {
      let list = candidates.map(\.pid).sorted().map(String.init).joined(separator: ", ")
      throw CaptureError(
        .ambiguousTarget, "\(candidates.count) processes are named '\(name)': \(list)",
        remedy: "choose one with -p PID")
    }
    return only
  }

  /// Open vSwitch's `--monitor` parent has the daemon's name, and calls itself "NAME: monitoring pid N (…)".
  private static func isMonitor(_ pid: Int32) -> Bool {
    ((try? SystemFiles.read("\(ProcessDirectory.of(pid))/cmdline")) ?? "").contains(": monitoring pid ")
  }

  /// The process's threads now; empty where it has ended.
  package var threads: [Int32] { Self.threads(of: pid) }

  /// The threads of process `pid` now; empty where it has ended.
  package static func threads(of pid: Int32) -> [Int32] {
    ((try? SystemFiles.list("/proc/\(pid)/task")) ?? []).compactMap { Int32($0) }
  }

  /// Its threads that are not `known` yet, and makes them known. A filter that follows forks by itself has them all, once
  /// there are none.
  package func newThreads(_ known: inout Set<Int32>) throws(CaptureError) -> [Int32] {
    let tids = threads
    guard !tids.isEmpty else {
      throw CaptureError(
        .noTarget, "process \(pid) (\(name)) ended while it was being attached to",
        remedy: "start it anew, or use -- COMMAND")
    }
    let new = tids.filter { !known.contains($0) }
    known.formUnion(new)
    return new
  }

  /// Whether `tid` is a thread of process `pid` now.
  package static func hasThread(_ tid: Int32, of pid: Int32) -> Bool { SystemFiles.exists("/proc/\(pid)/task/\(tid)") }

  /// A descriptor (pidfd) that becomes readable when the process ends.
  package func openDescriptor() throws(CaptureError) -> OwnedDescriptor {
    let descriptor = kdelay_pidfd_open(pid)
    guard descriptor >= 0 else {
      throw CaptureError(
        .noTarget, "cannot watch process \(pid) (\(name)) for its end: \(Errno(rawValue: errno))",
        remedy: "check the pid with `ps -e`; pidfd_open needs Linux 5.3")
    }
    return OwnedDescriptor(FileDescriptor(rawValue: descriptor))
  }

  /// The path of process `pid`'s program as this process can open it.
  package static func executablePath(of pid: Int32) -> String { "\(ProcessDirectory.of(pid))/exe" }
}
