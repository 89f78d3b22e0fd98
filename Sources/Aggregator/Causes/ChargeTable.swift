internal import TraceModel

/// The charges of one window by thread and reason, each kind once. Bounded: what is too much is charged to an unknown reason, so
/// that the charges of a state still add up to it.
struct ChargeTable: ~Copyable {
  /// Not private: the compiler (6.3) fails on a private element type that another file has to destroy an array of.
  struct Entry: BitwiseCopyable {
    var charge: Charge
    var thread: Int32
    /// The entry before this one that has the same hash; -1 for none.
    var next: Int32
  }

  /// The most charges that a window keeps, about 120 bytes each, and beyond them one for each state of each thread.
  private static let limit = 1 << 16

  private(set) var entries = FlatArray<Entry>(capacity: 64)
  private var byHash = FlatIndex(capacity: 64)
  /// The number of intervals whose reasons there was no room for.
  private(set) var leftOut: UInt64 = 0

  /// Charges `length`, ns, of the thread at position `thread`. Returns whether it is the first charge of this kind.
  @discardableResult
  mutating func add(_ charge: Charge, thread: Int, _ length: UInt64) -> Bool {
    let thread = Int32(truncatingIfNeeded: thread)
    let hash = Self.hash(charge, thread)
    let latest = byHash.find(hash) ?? -1
    var position = latest
    while position >= 0 {
      if entries[Int(position)].thread == thread, entries[Int(position)].charge.hasSameKey(as: charge) {
        entries[Int(position)].charge.durations.record(length)
        return false
      }
      position = entries[Int(position)].next
    }
    let isUnknown = charge.hasSameKey(as: Charge(charge.state, .unknown))
    guard isUnknown || entries.count < Self.limit else {
      leftOut &+= 1
      add(Charge(charge.state, .unknown), thread: Int(thread), length)
      return false
    }
    var entry = Entry(charge: charge, thread: thread, next: latest)
    entry.charge.durations = IntervalStatistic()
    entry.charge.durations.record(length)
    byHash.set(hash, Int32(truncatingIfNeeded: entries.append(entry)))
    return true
  }

  mutating func removeAll() {
    guard entries.count > 0 else { return }
    entries.removeAll()
    byHash.removeAll()
    leftOut = 0
  }

  private static func hash(_ charge: Charge, _ thread: Int32) -> UInt64 {
    func pair(_ high: Int32, _ low: Int32) -> UInt64 {
      UInt64(UInt32(bitPattern: high)) &<< 32 | UInt64(UInt32(bitPattern: low))
    }
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func mix(_ word: UInt64) {
      hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash &>> 29
    }
    mix(pair(thread, charge.tid))
    mix(pair(charge.stack, charge.pathTID))
    mix(pair(charge.syscall, charge.number))
    mix(charge.address | UInt64(charge.reason.rawValue) | UInt64(charge.side.rawValue) &<< 4)
    mix(pair(Int32(charge.state.rawValue) | Int32(charge.pathDoing.rawValue) &<< 8, charge.name))
    return hash
  }
}

extension Charge {
  /// Whether the other one is charged for the same reason.
  func hasSameKey(as other: Charge) -> Bool {
    state == other.state && reason == other.reason && side == other.side && syscall == other.syscall
      && futexOperation == other.futexOperation && stack == other.stack && tid == other.tid && isOpen == other.isOpen
      && isEndedByInterrupt == other.isEndedByInterrupt && pathTID == other.pathTID && pathDoing == other.pathDoing
      && pathIsInterruptible == other.pathIsInterruptible && pathLength == other.pathLength && number == other.number
      && name == other.name && address == other.address
  }
}
