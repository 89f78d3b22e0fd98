package import TraceModel

/// One syscall that took longer than asked for.
package struct SyscallEvent: Sendable, Equatable, BitwiseCopyable {
  /// The process that made the syscall.
  package var pid: Int32
  package var tid: Int32
  package var name: NameID
  package var number: Int32
  package var abi: SyscallABI
  /// When the syscall began, CLOCK_MONOTONIC, ns.
  package var entry: UInt64
  package var exit: UInt64
  package var returnValue: Int64
  /// The number of the syscall's waits that there was no room for.
  package var waitsLeftOut: UInt32 = 0

  package init(
    pid: Int32 = 0, tid: Int32, name: NameID, number: Int32, abi: SyscallABI, entry: UInt64, exit: UInt64,
    returnValue: Int64
  ) {
    self.pid = pid
    self.tid = tid
    self.name = name
    self.number = number
    self.abi = abi
    self.entry = entry
    self.exit = exit
    self.returnValue = returnValue
  }
}

extension SyscallEvent {
  /// How long the syscall took, ns.
  package var duration: UInt64 { exit - entry }
}

/// Which syscalls are reported one by one.
package struct SyscallEventFilter: Sendable, Equatable {
  /// The duration, ns, above which a syscall is reported; nil: all are.
  package var threshold: UInt64?
  package var skipsPoll: Bool

  package init(threshold: UInt64?, skipsPoll: Bool) {
    self.threshold = threshold
    self.skipsPoll = skipsPoll
  }
}

/// A slow syscall that has ended, and what it waited for.
package struct EndedSyscall: Sendable, Equatable {
  package var call: SyscallEvent
  /// The syscall's waits: each time that it gave up its CPU, in order.
  package var waits: [SyscallWait]

  package init(_ call: SyscallEvent, waits: [SyscallWait] = []) {
    self.call = call
    self.waits = waits
  }
}

/// The syscalls of a window that are reported one by one, in the order of their ends. Bounded: what is too much is counted.
struct SyscallEventList: ~Copyable {
  /// The most syscalls of a window that are kept, about 100 bytes each.
  private static let limit = 1 << 20
  /// The most waits of a window's syscalls that are kept, 48 bytes each.
  private static let waitLimit = 1 << 20

  private let filter: SyscallEventFilter?
  /// Whether any syscall is reported.
  var isWanted: Bool { filter != nil }
  /// The shortest duration that is reported; `.max` where none is, or no window is open, so that the common path has one
  /// comparison.
  private(set) var shortest = UInt64.max
  private var events: [EndedSyscall] = []
  /// The number of the window's syscalls, whether they were taken already or not.
  private var count = 0
  /// The number of the waits of the window's syscalls, whether they were taken already or not.
  private var waitCount = 0
  private(set) var leftOut: UInt64 = 0

  init(_ filter: SyscallEventFilter?) {
    self.filter = filter
  }

  /// A window opens; nothing of an earlier one is left.
  mutating func open() {
    close()
    shortest = filter.map { $0.threshold.map { $0 &+ 1 } ?? 0 } ?? .max
  }

  /// Adds a syscall that has ended, unless the filter leaves it out. `chain`: its waits.
  @inline(never)
  mutating func add(_ event: SyscallEvent, isPoll: Bool, _ pool: inout WaitPool, _ chain: inout WaitPool.Chain) {
    guard let filter, !(isPoll && filter.skipsPoll) else { return }
    guard count < Self.limit else { return leftOut &+= 1 }
    count += 1
    var ended = EndedSyscall(event)
    ended.call.waitsLeftOut = chain.leftOut
    pool.take(&chain) { wait in
      if waitCount < Self.waitLimit {
        waitCount += 1
        ended.waits.append(wait)
      } else {
        ended.call.waitsLeftOut &+= 1
      }
    }
    events.append(ended)
  }

  /// Hands over the syscalls that have ended since this was called last.
  mutating func take() -> [EndedSyscall] {
    if events.isEmpty { return [] }
    defer { events.removeAll(keepingCapacity: true) }
    return events
  }

  /// The window has closed, and what it had is handed over.
  mutating func close() {
    shortest = .max
    events.removeAll()
    (count, waitCount, leftOut) = (0, 0, 0)
  }
}
