internal import Aggregator
internal import Session

/// Puts a verdict into words.
///
/// The first sentence is about the threads that lost the most. Up to three further ones are about what they lost it to and about
/// other threads, in the order of the time that one thread lost. The last one says where the rest of the time went, and what is
/// not known. Where no thread lost a twentieth of its life, the verdict is about all threads.
struct VerdictWriter {
  /// From this share of a thread's life on, in per cent, its second reason is told in any case.
  private static let large: UInt64 = 15

  private let threads: [VerdictThread]
  private let words: VerdictWords
  /// How long the window was, ns.
  private let window: UInt64

  init(_ result: WindowResult, _ threads: [VerdictThread]) {
    self.threads = threads
    words = VerdictWords(result)
    window = result.snapshot.stop - result.snapshot.start
  }

  var sentences: [VerdictSentence] {
    guard threads.contains(where: { $0.division.lifetime > 0 }) else {
      return [VerdictSentence("Not the kernel: no thread of the target lived in the window.")]
    }
    let pools = VerdictPool.of(threads)
    let notable = pools.filter { $0.isNotable(in: window) }
    guard let worst = notable.first else { return calm(VerdictPool(threads, namesakes: threads.count)) }
    let middle = details(worst, notable.dropFirst())
    let untold = notable.dropFirst(1 + middle.others).reduce(0) { $0 + $1.threads.count }
    return [VerdictSentence(headline(worst))] + middle.sentences
      + [VerdictSentence(words.rest(of: worst) + more(untold))]
  }

  // MARK: The first sentence

  private func headline(_ pool: VerdictPool) -> String {
    let parts = HeadlinePart.of(pool).filter { Amount.isAtLeast(VerdictPool.notable, $0.time, of: pool.lifetime) }
    let life = "\(pool.threads.count > 1 ? "their " : "")\(Amount.time(pool.lifetime))"
    var told = parts.enumerated().map { position, part in
      let share = Amount.share(part.time, of: pool.lifetime)
      return part.text(position == 0 ? "\(share) of \(life)" : share)
    }
    // Several small parts together can be worth a verdict.
    if told.isEmpty { told = ["lost \(Amount.share(pool.lost, of: pool.lifetime)) of \(life)"] }
    let unknown = Amount.left(
      of: pool.division[.unknown], without: pool.time { $0.state == .blockedUninterruptible && $0.kind == .unknown })
    if Amount.isAtLeast(50, unknown, of: pool.lifetime) {
      told.append("\(Amount.share(unknown, of: pool.lifetime)) are not known")
    }
    let mayBeKernel = parts.isEmpty || parts.contains(where: \.mayBeKernel)
    return "\(mayBeKernel ? "" : "Not the kernel: ")\(words.who(pool)) \(words.list(told))\(words.worst(of: pool))."
  }

  // MARK: What it was, and who else

  /// The sentences between the first and the last one, and how many of the other pools they are about.
  private func details(
    _ worst: VerdictPool, _ pools: some Collection<VerdictPool>
  ) -> (sentences: [VerdictSentence], others: Int) {
    let room = Verdict.mostSentences - 2
    let points = VerdictPoint.of(worst.threads)
    let isWorthIt = { (point: VerdictPoint) in Amount.isAtLeast(VerdictPool.notable, point.total, of: worst.lifetime) }
    // The worst reason is told in any case: the first sentence needs it.
    let reasons = points.prefix(1) + points.dropFirst().filter(isWorthIt).prefix(room - 1)
    let others = Array(pools.prefix(room - 1))
    // What one thread lost decides whether the next sentence is about another reason or about another thread.
    let count = UInt64(worst.threads.count)
    let isLarge = { (point: VerdictPoint) in Amount.isAtLeast(VerdictWriter.large, point.total, of: worst.lifetime) }
    let further =
      reasons.indices.dropFirst().map { place in
        // A large second reason comes before all other threads.
        (isReason: true, time: place == 1 && isLarge(reasons[place]) ? UInt64.max : reasons[place].total / count)
      }
      + others.map { (isReason: false, time: $0.worst.lost) }
    let chosen = further.sorted { $0.time > $1.time }.prefix(room - 1)
    let told = chosen.filter(\.isReason).count
    let sentences =
      words.reasons(reasons.prefix(1 + told), of: worst)
      + others.prefix(chosen.count - told).map { words.other($0) }
    return (sentences, chosen.count - told)
  }

  private func more(_ count: Int) -> String {
    guard count > 0 else { return "" }
    let threads = count == 1 ? "1 more thread" : "\(words.grouped(count)) more threads"
    return " \(threads) lost \(VerdictPool.notable) % or more, see # CAUSES."
  }

  // MARK: Nobody lost much

  private func calm(_ all: VerdictPool) -> [VerdictSentence] {
    let (life, division) = (all.lifetime, all.division)
    let lives = "the \(Amount.time(life)) of \(words.everybody(all))"
    let kernel = "\(Amount.share(division[.kernel], of: life)) (\(Amount.time(division[.kernel])))"
    let isUnknown = Amount.isAtLeast(50, division[.unknown], of: life)
    let first =
      isUnknown
      ? "Cannot tell: of \(lives) \(Amount.share(division[.unknown], of: life)) are not known; the kernel took \(kernel)."
      : "Not the kernel: of \(lives) it took \(kernel)."
    let most = words.reasons(VerdictPoint.of(all.threads).prefix(1), of: all)
    return [VerdictSentence(first)] + most + [VerdictSentence(words.rest(of: all, but: .kernel))]
  }
}

extension VerdictPool {
  /// The time of those causes of the threads that `isMeant` tells, ns.
  func time(_ isMeant: (Cause) -> Bool) -> UInt64 {
    threads.reduce(0) { sum, thread in thread.causes.reduce(sum) { isMeant($1) ? $0 + $1.total : $0 } }
  }

  /// The sum of a time of each thread, ns.
  func sum(_ time: (VerdictThread) -> UInt64) -> UInt64 { threads.reduce(0) { $0 + time($1) } }
}
