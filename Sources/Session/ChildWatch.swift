internal import Aggregator
internal import TraceModel

/// Tells the aggregator of the target's child processes what events don't: which were there before, and their end.
struct ChildWatch {
  private let targets: [Int32]
  private let facts: any TargetFacts
  private var gapsSeen = 0
  private var budget = LookBudget()

  init(_ targets: [Int32], _ facts: any TargetFacts) {
    self.targets = targets
    self.facts = facts
  }

  /// Makes the children known that there are. New ones are told by events from before this call on.
  func lookAtAll(_ aggregator: inout Aggregator) {
    for process in facts.descendants(of: targets) where !aggregator.isProcess(process.pid) {
      aggregator.children.observe(process.pid, isChild: process.isChild)
    }
  }

  /// Where events were lost, children may have come and gone unseen. A look that is owed is made when there is time for it.
  mutating func follow(_ aggregator: inout Aggregator) {
    let start = facts.now
    guard aggregator.gapCount != gapsSeen, budget.allows(at: start) else { return }
    gapsSeen = aggregator.gapCount
    forgetEnded(aggregator.children.living, &aggregator)
    lookAtAll(&aggregator)
    budget.spent(from: start, to: facts.now)
  }

  /// To be called before a window opens: those that were there before the capture are not in the kernel's filter, and no
  /// event tells of their end.
  mutating func settle(_ aggregator: inout Aggregator) {
    let start = facts.now
    guard budget.allows(at: start) else { return }
    forgetEnded(aggregator.children.unfollowed, &aggregator)
    budget.spent(from: start, to: facts.now)
  }

  private func forgetEnded(_ pids: [Int32], _ aggregator: inout Aggregator) {
    for pid in pids where !facts.isAlive(pid) { aggregator.children.processEnded(pid) }
  }

  /// How many of them live now, children of children included.
  func livingCount(_ aggregator: borrowing Aggregator) -> Int {
    aggregator.children.living.count { facts.isAlive($0) }
  }
}
