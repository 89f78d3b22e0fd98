internal import Aggregator
internal import TraceModel
internal import TraceSource

/// Tells the aggregator of the target's child processes what events don't: which were there before, and their end.
struct ChildWatch {
  private let target: TargetProcess
  private var gapsSeen = 0
  private var budget = LookBudget()

  init(_ target: TargetProcess) { self.target = target }

  /// Makes the children known that /proc shows. New ones are told by events from before this call on.
  func lookAtAll(_ aggregator: inout Aggregator) {
    for process in ProcessTree.descendants(of: target.pid) {
      aggregator.children.observe(process.pid, isChild: process.isChild)
    }
  }

  /// Where events were lost, children may have come and gone unseen. A look that is owed is made when there is time for it.
  mutating func follow(_ aggregator: inout Aggregator) {
    guard aggregator.gapCount != gapsSeen, let start = budget.start else { return }
    gapsSeen = aggregator.gapCount
    Self.forgetEnded(aggregator.children.living, &aggregator)
    lookAtAll(&aggregator)
    budget.end(since: start)
  }

  /// To be called before a window opens: those that were there before the capture are not in the kernel's filter, and no
  /// event tells of their end.
  mutating func settle(_ aggregator: inout Aggregator) {
    guard let start = budget.start else { return }
    Self.forgetEnded(aggregator.children.unfollowed, &aggregator)
    budget.end(since: start)
  }

  private static func forgetEnded(_ pids: [Int32], _ aggregator: inout Aggregator) {
    for pid in pids where !ProcessStatus.isAlive(pid) { aggregator.children.processEnded(pid) }
  }

  /// How many of them live now, children of children included.
  static func livingCount(_ aggregator: borrowing Aggregator) -> Int {
    aggregator.children.living.count { ProcessStatus.isAlive($0) }
  }

  /// What is said of `count` processes that have not ended, as the beginning of a clause.
  static func living(_ count: Int) -> String {
    count == 1 ? "a process that it started runs" : "\(count) processes that it started run"
  }

  /// What is said of `count` processes, as the end of a sentence.
  static func text(_ count: Int) -> String {
    count == 1 ? "1 child process, which is not watched" : "\(count) child processes, which are not watched"
  }
}
