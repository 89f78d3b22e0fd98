/// The page faults of the target's threads, as intervals.
///
/// No event tells when a fault ends. A thread in its own code sleeps in a fault alone, so that the fault lasts at least to the end
/// of the last sleep before the thread's next syscall or fault. That the fault was over by then is known at that next event.
/// A thread that is preempted may be in its own code again: that ends no fault, and makes none longer.
struct FaultIntervals {
  private struct Fault {
    var start: UInt64
    /// When the thread got a CPU after its last sleep, ns; 0 where it has not slept.
    var end: UInt64 = 0
    var isAsleep = false
  }

  /// The thread's latest fault, where it has made no syscall since.
  private var faults: [Int32: Fault] = [:]

  mutating func begin(_ tid: Int32, at time: UInt64) { faults[tid] = Fault(start: time) }

  /// The thread gives up its CPU; `isBlocked`: it goes to sleep.
  mutating func leaveCPU(_ tid: Int32, isBlocked: Bool) {
    guard isBlocked, var fault = faults[tid] else { return }
    fault.isAsleep = true
    faults[tid] = fault
  }

  mutating func getCPU(_ tid: Int32, at time: UInt64) {
    guard var fault = faults[tid], fault.isAsleep else { return }
    (fault.isAsleep, fault.end) = (false, time)
    faults[tid] = fault
  }

  /// The thread shows that it is in no fault any more: when the last one began and ended, ns; nil where it had not slept in it.
  mutating func end(_ tid: Int32) -> (start: UInt64, end: UInt64)? {
    guard let fault = faults.removeValue(forKey: tid), fault.end != 0 else { return nil }
    return (fault.start, fault.end)
  }

  /// When the fault began that the thread may still be in, ns.
  func start(of tid: Int32) -> UInt64? {
    guard let fault = faults[tid], fault.isAsleep || fault.end != 0 else { return nil }
    return fault.start
  }

  /// The threads whose last sleep in a fault is over.
  var slept: [Int32] { faults.filter { !$0.value.isAsleep && $0.value.end != 0 }.keys.sorted() }

  /// What comes next may be missing.
  mutating func forgetAll() { faults.removeAll() }
}
