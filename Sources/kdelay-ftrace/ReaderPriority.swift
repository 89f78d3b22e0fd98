// Either can be the compiler's owner of `sched_param`, which both have from <sched.h>.
internal import CTraceFS
internal import Glibc

/// How the kernel schedules the thread that reads its buffers.
///
/// It needs little time, but that soon: on a machine with more ready threads than CPUs, where this tool is asked for most,
/// the buffers of a busy target would run over while it waits for its turn.
enum ReaderPriority {
  /// The nice value of the highest priority; see sched(7).
  private static let highest: Int32 = -20
  /// The flag SCHED_RESET_ON_FORK (include/uapi/linux/sched.h).
  private static let resetOnFork: Int32 = 0x4000_0000

  /// Puts the calling thread before all others of usual priority. What it starts, a command or a thread, has the usual one.
  ///
  /// Only where that was its own: whoever chose another one meant it. Without the right to do so (CAP_SYS_NICE) nothing
  /// changes.
  static func raise() {
    let own = __priority_which_t(PRIO_PROCESS.rawValue)
    var parameters = sched_param()
    guard sched_getscheduler(0) == SCHED_OTHER, getpriority(own, 0) == 0,
      sched_setscheduler(0, SCHED_OTHER | resetOnFork, &parameters) == 0
    else { return }
    setpriority(own, 0, highest)
  }
}
