internal import SystemCalls
package import TraceModel

extension ThreadFacts {
  /// What /proc shows of a thread; nil where it has ended, or is about to: an event may have told so already.
  package static func read(_ tid: Int32, of pid: Int32) -> ThreadFacts? {
    guard let status = ProcessStatus.read(pid: pid, tid: tid), !status.isZombie, !status.isExiting else {
      return nil
    }
    let directory = "/proc/\(pid)/task/\(tid)"
    // "running", or the syscall's number (-1: blocked outside one, as in a page fault), its six arguments and more.
    let syscall = (try? SystemFiles.read("\(directory)/syscall"))?.split(separator: " ") ?? []
    let runTime = (try? SystemFiles.read("\(directory)/schedstat"))?.split(separator: " ").first
    let number = syscall.first.flatMap { Int32($0) }
    let argument = syscall.count > 2 ? UInt64(syscall[2].dropFirst(2), radix: 16) : nil
    return ThreadFacts(
      tid: tid, pid: pid, name: status.name, state: State(status.state), isWorker: status.isWorker,
      isInSyscall: number.map { $0 >= 0 }, userTicks: status.userTicks,
      kernelTicks: status.kernelTicks, faults: status.faults, majorFaults: status.majorFaults,
      runTime: runTime.flatMap { UInt64($0) }, syscall: number.flatMap { $0 >= 0 ? $0 : nil },
      syscallArgument: argument.map { Int32(truncatingIfNeeded: $0) })
  }
}

extension ThreadFacts.State {
  /// The state's letter in /proc/PID/stat (man 5 proc_pid_stat).
  init(_ letter: Character) {
    switch letter {
    case "S": self = .interruptible
    case "T", "t": self = .stopped
    case "D", "I": self = .uninterruptible
    default: self = .runnable
    }
  }
}
