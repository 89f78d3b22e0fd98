internal import Aggregator
internal import TraceModel

/// Tells which conditions an interval of the target meets.
struct ConditionWatch {
  /// A condition, with all that is compared looked up once.
  private struct Entry {
    let condition: Condition
    let kinds: Set<IntervalKind>
    /// The numbers of the syscall that is meant, by numbering; nil where any is.
    let numbers: [SyscallABI: Int32]?
    /// Whether threads' names match, as far as they have been asked for.
    var matches: [NameID: Bool] = [:]
  }

  /// The most names whose answers are remembered.
  private static let mostNames = 1 << 16

  private var entries: [Entry]

  init(_ conditions: [Condition]) {
    entries = conditions.map { condition in
      var numbers: [SyscallABI: Int32]?
      if case .syscall(let name?) = condition.kind {
        numbers = [:]
        for abi in SyscallABI.allCases { numbers?[abi] = SyscallNames.number(name, abi: abi) }
      }
      return Entry(condition: condition, kinds: Self.kinds(condition.kind), numbers: numbers)
    }
  }

  private static func kinds(_ kind: Condition.Kind) -> Set<IntervalKind> {
    switch kind {
    case .longPoll: [.longPoll]
    case .ready: [.ready]
    case .blocked(.any): [.blockedInterruptible, .blockedUninterruptible]
    case .blocked(.interruptible): [.blockedInterruptible]
    case .blocked(.uninterruptible): [.blockedUninterruptible]
    case .stopped: [.stopped]
    case .syscall: [.syscall]
    case .hardIRQ: [.hardIRQ]
    case .softIRQ: [.softIRQ]
    case .pageFault: [.pageFault]
    case .window: []
    }
  }

  /// What finds the intervals that the conditions may ask for.
  func finder() -> IntervalFinder {
    var finder = IntervalFinder()
    for entry in entries {
      for kind in entry.kinds { finder.find(kind, longerThan: entry.condition.threshold) }
    }
    return finder
  }

  /// The conditions that the interval meets, as the operator wrote them.
  mutating func met(by interval: FoundInterval, _ names: borrowing NameTable) -> [String] {
    var texts: [String] = []
    for index in entries.indices
    where interval.end - interval.start > entries[index].condition.threshold && concerns(index, interval, names) {
      texts.append(entries[index].condition.text)
    }
    return texts
  }

  /// Whether any condition asks for such intervals, if they are long enough.
  mutating func concerns(_ interval: FoundInterval, _ names: borrowing NameTable) -> Bool {
    entries.indices.contains { concerns($0, interval, names) }
  }

  /// The conditions that a window of triggers meets, which is `length` ns long, and whose start trigger happened to a thread of this
  /// name; empty for a task that is none of the target's.
  func met(byWindow length: UInt64, of name: String) -> [String] {
    entries.filter { entry in
      entry.condition.kind == .window && length > entry.condition.threshold && entry.condition.matches(name)
    }.map(\.condition.text)
  }

  private mutating func concerns(_ index: Int, _ interval: FoundInterval, _ names: borrowing NameTable) -> Bool {
    guard entries[index].kinds.contains(interval.kind) else { return false }
    if let numbers = entries[index].numbers, numbers[interval.abi] != interval.number { return false }
    guard entries[index].condition.thread != nil else { return true }
    if let known = entries[index].matches[interval.name] { return known }
    let matches = entries[index].condition.matches(names[interval.name])
    if entries[index].matches.count >= Self.mostNames { entries[index].matches.removeAll() }
    entries[index].matches[interval.name] = matches
    return matches
  }
}
