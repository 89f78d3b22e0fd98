internal import Aggregator
internal import TraceModel

/// Slow syscalls of one number that the same user stack made.
struct SyscallGroup: Equatable {
  struct Key: Hashable {
    var abi: SyscallABI
    var number: Int32
    var stack: Int32
    /// Stacks that are missing for different reasons are not the same.
    var end: UserStackEnd
    var isNameUncertain: Bool
  }

  /// The places of its syscalls among those of the window, in the order of time.
  var events: [Int] = []
  /// How long all of them took, ns.
  var total: UInt64 = 0
  /// How long the longest one took, ns.
  var longest: UInt64 = 0
  /// The place of the longest one.
  var worst = 0

  /// Its syscalls. `all` are those of the window.
  func members(of all: [SyscallEvent]) -> [SyscallEvent] { events.map { all[$0] } }

  /// The groups of a window's slow syscalls, those that took the most time first.
  static func of(_ sample: Sample) -> [SyscallGroup] {
    var places: [Key: Int] = [:]
    var groups: [SyscallGroup] = []
    for (index, event) in sample.snapshot.syscallEvents.enumerated() {
      let stacks = sample.stacks.stacks(ofEvent: index)
      let key = Key(
        abi: event.abi, number: event.number, stack: stacks.user, end: stacks.userEnd,
        isNameUncertain: sample.isNameUncertain(ofEvent: index))
      let place = places[key] ?? groups.count
      if place == groups.count {
        places[key] = place
        groups.append(SyscallGroup())
      }
      let length = event.exit - event.entry
      if groups[place].events.isEmpty || length > groups[place].longest {
        groups[place].longest = length
        groups[place].worst = index
      }
      groups[place].events.append(index)
      groups[place].total += length
    }
    return groups.sorted { ($1.total, $0.worst) < ($0.total, $1.worst) }
  }
}
