/// One look at a thread in /proc: what it is doing, and the counters that tell later what it has done meanwhile.
package struct ThreadGlance: Sendable, Equatable {
  package var tid: Int32
  package var status: ProcessStatus
  /// Whether it is inside a syscall; nil while it runs, when the kernel does not say, or for want of permission.
  package var isInSyscall: Bool?
  /// ns on a CPU so far; nil without CONFIG_SCHED_INFO.
  package var runTime: UInt64?

  /// nil where the thread has ended.
  package static func look(at tid: Int32, of pid: Int32) -> ThreadGlance? {
    guard let status = ProcessStatus.read(pid: pid, tid: tid), !status.isZombie else { return nil }
    let directory = "/proc/\(pid)/task/\(tid)"
    // "running", or the syscall's number (-1: blocked outside one, as in a page fault) and more.
    let syscall = (try? SystemFiles.read("\(directory)/syscall"))?.split(separator: " ").first
    let runTime = (try? SystemFiles.read("\(directory)/schedstat"))?.split(separator: " ").first
    return ThreadGlance(
      tid: tid, status: status, isInSyscall: syscall.flatMap { Int32($0) }.map { $0 >= 0 },
      runTime: runTime.flatMap { UInt64($0) })
  }
}
