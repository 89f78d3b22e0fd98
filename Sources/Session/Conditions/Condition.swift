internal import Glibc
internal import TraceModel

/// What an interval of the target has to be for a window to be made of it (`--when`): its kind, longer than a time, and whose.
package struct Condition: Sendable, Equatable {
  /// The kinds of intervals that a condition can ask for.
  package enum Kind: Sendable, Equatable {
    /// From the end of one `poll` to the begin of the thread's next.
    case longPoll
    /// From the time on which a thread could run to the time at which it did.
    case ready
    /// From the switch that put a thread to sleep to its wake-up.
    case blocked(Sleep)
    case stopped
    /// A syscall; of one name, or any.
    case syscall(String?)
    case hardIRQ
    case softIRQ
    /// From a page fault to the end of the last wait in it.
    case pageFault
    /// From a start trigger to the stop trigger after it.
    case window
  }

  /// Which sleeps count.
  package enum Sleep: Sendable {
    case any
    /// Those that a signal can interrupt, `SLEEP(S)`.
    case interruptible
    /// Those that no signal can interrupt, `BLOCK(D)`.
    case uninterruptible
  }

  /// The condition as the operator wrote it.
  package var text: String
  package var kind: Kind
  /// The length that an interval has to exceed, ns.
  package var threshold: UInt64
  /// The pattern that the thread's name has to match; nil for any.
  package var thread: String?

  package init(text: String, kind: Kind, threshold: UInt64, thread: String? = nil) {
    self.text = text
    self.kind = kind
    self.threshold = threshold
    self.thread = thread
  }

  /// Whether a thread of this name is meant.
  package func matches(_ name: String) -> Bool { thread.map { fnmatch($0, name, 0) == 0 } ?? true }
}

/// Why a condition cannot be understood.
package struct ConditionError: Error, Equatable {
  package var reason: String

  package init(_ reason: String) { self.reason = reason }
}

// MARK: As the operator writes it

extension Condition {
  /// What a condition can begin with.
  package static let words = [
    "long-poll", "ready", "syscall", "blocked", "stopped", "hardirq", "softirq", "page-fault", "window",
  ]

  /// Reads `KIND[:NAME]>TIME[@THREAD]`, as in `syscall:futex>5ms@worker*`.
  package init(parsing text: String) throws(ConditionError) {
    guard let sign = text.firstIndex(of: ">") else {
      throw ConditionError("there is no '>' and a time after it, as in 'ready>10ms'")
    }
    let rest = text[text.index(after: sign)...].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let kind = try Self.kind(String(text[..<sign]))
    let thread = rest.count > 1 ? String(rest[1]) : nil
    if thread?.isEmpty == true { throw ConditionError("there is no pattern for threads' names after '@'") }
    self.init(text: text, kind: kind, threshold: try Self.nanoseconds(String(rest[0])), thread: thread)
  }

  private static func kind(_ text: String) throws(ConditionError) -> Kind {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.count > 1 ? String(parts[1]) : nil
    let word = String(parts[0])
    if word == "syscall" { return .syscall(try name.map { name throws(ConditionError) in try syscall(name) }) }
    if word == "blocked" { return .blocked(try name.map { name throws(ConditionError) in try sleep(name) } ?? .any) }
    let kinds: [String: Kind] = [
      "long-poll": .longPoll, "ready": .ready, "stopped": .stopped, "hardirq": .hardIRQ, "softirq": .softIRQ,
      "page-fault": .pageFault, "window": .window,
    ]
    guard let kind = kinds[word] else {
      throw ConditionError("'\(word)' is none of \(words.joined(separator: ", "))")
    }
    if name != nil { throw ConditionError("'\(word)' takes no name: only syscall:NAME, blocked:D and blocked:S do") }
    return kind
  }

  private static func syscall(_ name: String) throws(ConditionError) -> String {
    guard SyscallABI.allCases.contains(where: { SyscallNames.number(name, abi: $0) != nil }) else {
      throw ConditionError("there is no syscall '\(name)'")
    }
    return name
  }

  private static func sleep(_ name: String) throws(ConditionError) -> Sleep {
    switch name {
    case "S": return .interruptible
    case "D": return .uninterruptible
    default: throw ConditionError("a thread is blocked:D or blocked:S, not blocked:\(name)")
    }
  }

  /// The longest time that is taken for meant, s: a year.
  private static let longest = 366.0 * 86400

  /// Reads a time with its unit: a number, which may have a fraction, and ns, us, ms or s.
  private static func nanoseconds(_ text: String) throws(ConditionError) -> UInt64 {
    let digits = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    let units: [String: Double] = ["ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9]
    guard let unit = units[String(text.dropFirst(digits.count))], let number = Double(digits) else {
      throw ConditionError("'\(text)' is no time: write a number and ns, us, ms or s after it, as in '10ms'")
    }
    guard number * unit <= longest * 1e9 else { throw ConditionError("'\(text)' is longer than a year") }
    return UInt64((number * unit).rounded())
  }
}
