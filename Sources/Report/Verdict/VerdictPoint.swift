internal import Aggregator
internal import Session

/// What cost threads time, for one reason: what a sentence of the verdict is about.
struct VerdictPoint {
  /// A reason that a reader tells from others.
  enum Subject: Hashable {
    case noCPU, throttled, frozen, idleCPU
    /// A wait of a kind in a syscall; nil outside of syscalls, and where that is not known.
    case blocked(Cause.Kind, syscall: String?)
    case computing, reclaim, compaction, spin, interrupts, stopped
  }

  let subject: Subject
  /// The causes behind it.
  private(set) var causes: [Cause] = []
  /// How long it was, ns.
  private(set) var total: UInt64 = 0
  private(set) var count: UInt64 = 0
  /// The longest time at a stretch, ns.
  private(set) var longest: UInt64 = 0

  /// What cost these threads time, the worst first.
  static func of(_ threads: some Sequence<VerdictThread>) -> [VerdictPoint] {
    var places: [Subject: Int] = [:]
    var points: [VerdictPoint] = []
    for thread in threads {
      for cause in thread.blamed {
        let subject = Subject(cause)
        let place = places[subject] ?? points.count
        if place == points.count {
          places[subject] = place
          points.append(VerdictPoint(subject: subject))
        }
        points[place].add(cause)
        // A wait for a CPU can have several causes, one after another.
        if subject == .noCPU { points[place].longest = max(points[place].longest, thread.longestReady) }
      }
    }
    // Of points that cost the same, the first stays the first.
    return points.enumerated().sorted { ($1.element.total, $0.offset) < ($0.element.total, $1.offset) }.map(\.element)
  }

  private mutating func add(_ cause: Cause) {
    causes.append(cause)
    total += cause.total
    count += cause.count
    longest = max(longest, cause.longest)
  }

  /// The causes' times, summed by what `key` says of each, the longest first. Causes of which it says nothing are left out.
  func sums<Key: Hashable>(_ key: (Cause) -> Key?) -> [(key: Key, total: UInt64)] {
    var places: [Key: Int] = [:]
    var sums: [(key: Key, total: UInt64)] = []
    for cause in causes {
      guard let key = key(cause) else { continue }
      if let place = places[key] {
        sums[place].total += cause.total
      } else {
        places[key] = sums.count
        sums.append((key, cause.total))
      }
    }
    return sums.enumerated().sorted { ($1.element.total, $0.offset) < ($0.element.total, $1.offset) }.map(\.element)
  }
}

extension VerdictPoint.Subject {
  /// The same, whatever the syscall.
  var withoutSyscall: Self {
    if case .blocked(let kind, _) = self { .blocked(kind, syscall: nil) } else { self }
  }

  init(_ cause: Cause) {
    switch cause.state {
    case .ready:
      switch cause.kind {
      case .throttled: self = .throttled
      case .frozen: self = .frozen
      case .idleCPU: self = .idleCPU
      default: self = .noCPU
      }
    case .hardIRQ, .softIRQ: self = .interrupts
    case .stopped: self = .stopped
    case .blockedInterruptible, .blockedUninterruptible:
      self = cause.kind == .frozen ? .frozen : .blocked(cause.kind, syscall: cause.syscall)
    case .syscall, .user, .unknown:
      switch cause.kind {
      case .reclaim: self = .reclaim
      case .compaction: self = .compaction
      case .spin: self = .spin
      default: self = .computing
      }
    }
  }
}
