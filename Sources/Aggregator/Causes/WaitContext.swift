internal import TraceModel

/// What is known of a thread besides its states that tells why it is in them.
struct WaitContext: BitwiseCopyable {
  /// What the kernel does for the thread, and for which lock.
  struct Activity: BitwiseCopyable {
    var kind = KernelActivity.lock
    var address: Int64 = 0
  }

  // Since it gave up its CPU.
  /// The number of the kernel stack; -1 where none was recorded.
  var stack: Int32 = -1
  /// The state bits.
  var state: Int32 = 0
  /// The CPU that the thread waits for when it is ready; of use with `hasCPU` alone.
  var cpu: UInt16 = 0
  var hasCPU = false

  // Page faults in its own code.
  /// When the latest one began, ns, and its address.
  var faultStart: UInt64 = 0
  var faultAddress: UInt64 = 0
  /// The number of them in this window.
  var faults: UInt64 = 0

  // Kernel activities, the innermost last; `ThreadRecord.activityDepth` says how many.
  var activities = InlineArray<4, Activity>(repeating: Activity())
  /// The thread's time in syscalls, ns, when the innermost one began or went on.
  var syscallBefore: UInt64 = 0

  /// The thread gives up its CPU with these state bits.
  mutating func leaveCPU(_ cpu: UInt16, state: Int32) {
    stack = -1
    self.state = state
    self.cpu = cpu
    // Where it will wait when it is woken, its wake-up tells.
    hasCPU = state == 0
  }

  mutating func startWindow() {
    faults = 0
    syscallBefore = 0
  }
}
