internal import Aggregator
internal import Session
internal import TraceModel

/// Slow syscalls of one number that the same user stack made.
struct SyscallGroup: Equatable {
  struct Key: Hashable {
    var abi: SyscallABI
    var number: Int32
    var stack: StackNumber?
    /// Where the user stack stops, or why there is none: stacks that are missing for different reasons are not the same.
    var end: UserStackEnd
    var isNameUncertain: Bool
  }

  /// The group's syscalls in the order of time.
  private(set) var members: [SlowSyscall] = []
  /// How long all of them took, ns.
  private(set) var total: UInt64 = 0
  /// The syscall that took longest.
  private(set) var worst: SlowSyscall

  private init(_ slow: SlowSyscall) { worst = slow }

  /// The groups of a window's slow syscalls, those that took the most time first.
  static func of(_ result: WindowResult) -> [SyscallGroup] {
    var places: [Key: Int] = [:]
    var groups: [SyscallGroup] = []
    for slow in result.slowSyscalls {
      let key = Key(
        abi: slow.call.abi, number: slow.call.number, stack: slow.userStack, end: slow.userStackEnd,
        isNameUncertain: result.isNameUncertain(of: slow))
      let place = places[key] ?? groups.count
      if place == groups.count {
        places[key] = place
        groups.append(SyscallGroup(slow))
      }
      groups[place].add(slow)
    }
    // Of groups that took the same time, the one whose first syscall ended first comes first.
    return groups.enumerated().sorted { ($1.element.total, $0.offset) < ($0.element.total, $1.offset) }.map(\.element)
  }

  private mutating func add(_ slow: SlowSyscall) {
    if slow.call.duration > worst.call.duration { worst = slow }
    members.append(slow)
    total += slow.call.duration
  }
}
