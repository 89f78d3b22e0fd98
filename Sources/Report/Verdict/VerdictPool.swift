internal import Aggregator
internal import Session

/// Threads of one name that lost their time for the same reason: a sentence of the verdict names them together.
struct VerdictPool {
  /// Below this share of its life, in per cent, a loss is not worth a thread's naming.
  static let notable: UInt64 = 5
  /// Below this share of the window, in per cent, neither: a thread that lived for a moment has lost next to nothing.
  static let notableOfWindow: UInt64 = 1

  /// The threads, the one that lost the most first.
  let threads: [VerdictThread]
  /// How many threads of the name there are in all, for whatever reason.
  let namesakes: Int
  /// The name, with a star for numbers in which the threads differ.
  let name: String
  let lifetime: UInt64
  /// The time in which the threads were kept from their work, ns.
  let lost: UInt64
  let division: TimeDivision

  var worst: VerdictThread { threads[0] }

  /// Whether the loss is worth naming, in a window of so many ns.
  func isNotable(in window: UInt64) -> Bool {
    Amount.isAtLeast(Self.notable, lost, of: lifetime) && Amount.isAtLeast(Self.notableOfWindow, lost, of: window)
  }

  init(_ threads: [VerdictThread], namesakes: Int) {
    let byLoss = threads.enumerated().map { (order: $0.offset, lost: $0.element.lost) }
      .sorted { ($1.lost, $0.order) < ($0.lost, $1.order) }
    self.threads = byLoss.map { threads[$0.order] }
    self.namesakes = namesakes
    let first = threads[0].task.name
    name = threads.allSatisfy { $0.task.name == first } ? first : ThreadFolding.withoutNumbers(first)
    lifetime = threads.reduce(0) { $0 + $1.division.lifetime }
    lost = byLoss.reduce(0) { $0 + $1.lost }
    division = threads.reduce(TimeDivision()) { $0 + $1.division }
  }

  // MARK: Who belongs together

  private struct Name: Hashable {
    let process: String
    let thread: String

    init(_ thread: VerdictThread) {
      process = ThreadFolding.withoutNumbers(thread.process)
      self.thread = ThreadFolding.withoutNumbers(thread.task.name)
    }
  }

  /// Why a thread lost most of what it lost.
  private struct Story: Hashable {
    let subject: VerdictPoint.Subject
    /// Who was the reason; nil for one of the same name, and in a large pool: there it differs from one thread to the next.
    let by: Cause.Task?
  }

  private struct Key: Hashable {
    let name: Name
    let story: Story?
  }

  /// The pools of all threads: the one with the thread that lost the most comes first.
  static func of(_ threads: [VerdictThread]) -> [VerdictPool] {
    let names = threads.map { Name($0) }
    let counts = names.reduce(into: [Name: Int]()) { $0[$1, default: 0] += 1 }
    let keys = zip(threads, names).map { thread, name in
      Key(name: name, story: story(thread, isInLargePool: (counts[name] ?? 0) > ThreadFolding.fewest))
    }
    return Dictionary(grouping: threads.indices) { keys[$0] }
      .map { key, places in
        (first: places[0], pool: VerdictPool(places.map { threads[$0] }, namesakes: counts[key.name] ?? 0))
      }
      .map { (first: $0.first, worst: $0.pool.worst.lost, pool: $0.pool) }
      .sorted { ($1.worst, $0.first) < ($0.worst, $1.first) }.map(\.pool)
  }

  private static func story(_ thread: VerdictThread, isInLargePool: Bool) -> Story? {
    guard Amount.isAtLeast(notable, thread.lost, of: thread.division.lifetime),
      let point = VerdictPoint.of(CollectionOfOne(thread)).first
    else { return nil }
    let by = isInLargePool ? nil : point.sums { $0.by }.first?.key
    let isNamesake = by.map { ThreadFolding.withoutNumbers($0.name) == ThreadFolding.withoutNumbers(thread.task.name) }
    return Story(subject: point.subject.withoutSyscall, by: isNamesake == true ? nil : by)
  }
}
