package import TraceModel

/// One syscall that took longer than asked for.
package struct SyscallEvent: Sendable, Equatable, BitwiseCopyable {
  /// The process that made it.
  package var pid: Int32
  package var tid: Int32
  package var name: NameID
  package var number: Int32
  package var abi: SyscallABI
  /// CLOCK_MONOTONIC, ns.
  package var entry: UInt64
  package var exit: UInt64
  package var returnValue: Int64
  /// Where its waits begin among those of the window.
  package var firstWait: Int32 = 0
  package var waitCount: Int32 = 0
  /// Waits that there was no room for.
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

/// Which syscalls are reported one by one.
package struct SyscallEventFilter: Sendable, Equatable {
  /// Those that take longer than this, ns; nil: all.
  package var threshold: UInt64?
  package var skipsPoll: Bool

  package init(threshold: UInt64?, skipsPoll: Bool) {
    self.threshold = threshold
    self.skipsPoll = skipsPoll
  }
}

/// The syscalls of a window that are reported one by one, in the order of their ends. Bounded: what is too much is counted.
struct SyscallEventList: ~Copyable {
  /// 64 bytes each.
  private static let limit = 1 << 20
  /// 48 bytes each.
  private static let waitLimit = 1 << 20

  private let filter: SyscallEventFilter?
  /// Whether any is reported.
  var isWanted: Bool { filter != nil }
  /// The shortest duration that is reported; `.max` where none is, or no window is open, so that the common path has one
  /// comparison.
  private(set) var shortest = UInt64.max
  private(set) var events = FlatArray<SyscallEvent>(capacity: 16)
  private(set) var waits = FlatArray<SyscallWait>(capacity: 16)
  private(set) var leftOut: UInt64 = 0

  init(_ filter: SyscallEventFilter?) {
    self.filter = filter
  }

  /// A window opens; nothing of an earlier one is left.
  mutating func open() {
    close()
    shortest = filter.map { $0.threshold.map { $0 &+ 1 } ?? 0 } ?? .max
  }

  /// `chain`: its waits.
  @inline(never)
  mutating func add(_ event: SyscallEvent, isPoll: Bool, _ pool: inout WaitPool, _ chain: inout WaitPool.Chain) {
    guard let filter, !(isPoll && filter.skipsPoll) else { return }
    guard events.count < Self.limit else { return leftOut &+= 1 }
    var event = event
    event.waitsLeftOut = chain.leftOut
    event.firstWait = Int32(waits.count)
    pool.take(&chain) { wait in
      if waits.count < Self.waitLimit { waits.append(wait) } else { event.waitsLeftOut &+= 1 }
    }
    event.waitCount = Int32(waits.count) - event.firstWait
    events.append(event)
  }

  /// The window has closed, and what it had is handed over.
  mutating func close() {
    shortest = .max
    events.removeAll()
    waits.removeAll()
    leftOut = 0
  }
}
