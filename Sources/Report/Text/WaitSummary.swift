internal import Aggregator
internal import Session
internal import TraceModel

/// Waits of one kind: they have the kernel stack, the state and the waker in common.
struct WaitSummary: Equatable {
  struct Key: Hashable {
    var kernelStack: StackNumber?
    var state: Int32
    /// The waking task's name, or the kind of interrupt; nil where it is not known, or there was none.
    var waker: String?
  }

  var key: Key
  var count: UInt64 = 0
  /// How long all of them were not runnable, ns.
  var blocked: UInt64 = 0
  /// How long all of them were runnable without a CPU, ns.
  var ready: UInt64 = 0
  /// How long the longest one was, ns.
  var longest: UInt64 = 0
  /// How many of them may have been longer.
  var cut: UInt64 = 0

  /// The waits by kind, those that took the most time first.
  static func of(_ waits: some Sequence<SlowSyscall.Wait>, _ result: WindowResult) -> [WaitSummary] {
    var places: [Key: Int] = [:]
    var all: [WaitSummary] = []
    for slow in waits {
      let wait = slow.wait
      let key = Key(
        kernelStack: slow.kernelStack, state: wait.state, waker: wait.waker.map { result.text(of: $0) })
      let place = places[key] ?? all.count
      if place == all.count {
        places[key] = place
        all.append(WaitSummary(key: key))
      }
      all[place].count += 1
      all[place].blocked += wait.blocked
      all[place].ready += wait.ready
      all[place].longest = max(all[place].longest, wait.blocked + wait.ready)
      all[place].cut += wait.isCut ? 1 : 0
    }
    return all.sorted { ($1.blocked + $1.ready, $0.count) < ($0.blocked + $0.ready, $1.count) }
  }

  /// The line of the report that tells of these waits.
  func text(_ result: WindowResult) -> String {
    let numbers = [
      "\(Columns.right(count, 8)) x", "blocked \(Columns.right(Columns.grouped(blocked), 14)) ns",
      "ready \(Columns.right(Columns.grouped(ready), 14)) ns", "max \(Columns.right(Columns.grouped(longest), 14)) ns",
    ]
    var text = numbers.joined(separator: "  ") + "  " + Self.word(key.state)
    let places = result.frames(of: key.kernelStack).filter { !$0.isOfScheduler }.prefix(3)
    if !places.isEmpty {
      text += " in " + places.map { $0.symbol.map(Columns.printable) ?? $0.text }.joined(separator: " < ")
    }
    if let waker = key.waker {
      text += ", woken by \(waker)"
    } else if key.state != 0 {
      text += ", waker unknown"
    }
    if cut > 0 { text += ", end of \(cut) unknown" }
    return text
  }

  private static func word(_ state: Int32) -> String {
    switch self.state(state) {
    case "interruptible": "slept (S)"
    case "uninterruptible": "blocked (D)"
    case let other: other
    }
  }

  /// All that `state` can be.
  static let states = ["interruptible", "uninterruptible", "stopped", "preempted"]

  /// What the scheduler's state bits mean (include/linux/sched.h).
  static func state(_ state: Int32) -> String {
    if state == 0 { return "preempted" }
    if state & 0x0C != 0 { return "stopped" }
    return state & 0x01 != 0 ? "interruptible" : "uninterruptible"
  }
}

extension WindowResult {
  /// A waker's name and tid, or what kind of interrupt it was.
  func text(of waker: Waker) -> String {
    switch waker.context {
    case .hardIRQ: return "a hard interrupt"
    case .softIRQ: return "a soft interrupt"
    case .task:
      if waker.tid == 0 { return "an idle CPU" }
      return name(of: waker).map { "\(Columns.printable($0)) (\(waker.tid))" } ?? "task \(waker.tid)"
    }
  }

  /// The waking task's name, where it is known.
  func name(of waker: Waker) -> String? {
    threadNames[waker.tid].map { names[$0] } ?? wakers[waker.tid]
  }
}
