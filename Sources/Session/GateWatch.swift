internal import TraceModel

/// Knows when the kernel's gate can have failed a window. One thread's stop trigger closes the gate some time after it was
/// time-stamped. A start trigger of the same thread, or of one that waited for it, comes after that; one that merely
/// happened at the same time on another CPU may come in between, and then its window's data are gone.
struct GateWatch {
  /// The longest time from a probe's time stamp to its end, ns, unless its thread is preempted there.
  private static let longestProbe: UInt64 = 1_000_000

  /// The latest stop trigger, and the latest one of any other thread.
  private var last: (tid: Int32, time: UInt64) = (0, 0)
  private var lastOther: (tid: Int32, time: UInt64) = (0, 0)
  /// Whether what came before may have gone unrecorded, so that nobody knows who was in a syscall.
  private var modesAreUnknown = true
  private var openSince: UInt64?
  /// Whether the gate should stay open from now on, since some window was uncertain.
  private(set) var wantsOpenGate = false
  /// Whether data of the open window may be missing for this reason.
  private(set) var isUncertain = false

  mutating func note(_ trigger: Event) {
    guard trigger.kind == .stopTrigger else { return }
    if trigger.tid != last.tid { lastOther = last }
    last = (trigger.tid, trigger.timestamp)
  }

  /// A window opens; returns whether the threads' modes have to be forgotten. `closesGate`: whether the kernel closes the
  /// gate at stop triggers; nil where there is no gate.
  mutating func opened(by trigger: Event?, closesGate: Bool?) -> Bool {
    guard let closesGate, let trigger else { return false }
    let other = trigger.tid == last.tid ? lastOther : last
    let wasClosing = closesGate || openSince.map { trigger.timestamp < $0 } ?? false
    isUncertain = wasClosing && other.time != 0 && trigger.timestamp &- other.time < Self.longestProbe
    if isUncertain, openSince == nil { wantsOpenGate = true }
    defer { modesAreUnknown = wasClosing }
    return modesAreUnknown
  }

  /// Since `time`, ns, nothing closes the gate any more.
  mutating func keptOpen(at time: UInt64) {
    openSince = time
    wantsOpenGate = false
  }
}
