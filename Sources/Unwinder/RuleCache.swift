/// How often a cache was asked, and with what success.
package struct CacheCounters: Sendable, Equatable {
  package var hits: UInt64 = 0
  /// How often an address was asked for that is not in the cache: for the first time, or again after another one had taken its
  /// place.
  package var misses: UInt64 = 0
  /// The number of misses that took another address's place.
  package var collisions: UInt64 = 0
}

/// The rules of the code that samples show again and again: a table of fixed size in which an address has two places, side
/// by side. (With one, two addresses of the same stacks that meet push each other out at every sample.)
///
/// A key is a module's number and an offset in its file: rules never become stale, wherever and how often the module is
/// mapped, because a replaced file is another module.
///
/// Invariant that makes the pointer sound: `slots` holds `size` (a power of two) initialised slots, and every index is
/// masked with `size - 1`, an even one made odd at most; this value is the only owner.
struct RuleCache: ~Copyable {
  private struct Slot: BitwiseCopyable {
    var offset: UInt64
    /// `unused` where the slot is free.
    var module: UInt32
    var rule: UnwindRule
  }

  private static let unused = UInt32.max
  private let slots: UnsafeMutablePointer<Slot>
  private let mask: Int
  private(set) var counters = CacheCounters()

  /// Makes room for 2 to the power of `bits` rules of 32 bytes each.
  init(bits: Int = 13) {
    mask = (1 << bits) - 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(
      repeating: Slot(offset: 0, module: Self.unused, rule: UnwindRule(.outermost)), count: mask + 1)
  }

  deinit { slots.deallocate() }

  /// The first of the two.
  @inline(__always)
  private func place(_ module: UInt32, _ offset: UInt64) -> Int {
    // Fibonacci hashing: the upper bits of the product are the well mixed ones.
    let key = offset ^ (UInt64(module) << 40)
    return Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 40) & mask & ~1
  }

  /// The rule that is kept for an address; nil if there is none.
  @inline(__always)
  mutating func find(module: UInt32, offset: UInt64) -> UnwindRule? {
    var slot = slots + place(module, offset)
    for _ in 0..<2 {
      if slot.pointee.module == module, slot.pointee.offset == offset {
        counters.hits &+= 1
        return slot.pointee.rule
      }
      slot += 1
    }
    counters.misses &+= 1
    return nil
  }

  /// Keeps a rule, in place of the older one of two if need be.
  mutating func insert(_ rule: UnwindRule, module: UInt32, offset: UInt64) {
    let slot = slots + place(module, offset)
    if slot[1].module != Self.unused { counters.collisions &+= 1 }
    slot[1] = slot[0]
    slot.pointee = Slot(offset: offset, module: module, rule: rule)
  }

  /// Forgets all rules.
  mutating func removeAll() {
    for index in 0...mask { slots[index].module = Self.unused }
  }
}
