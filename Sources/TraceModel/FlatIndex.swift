/// A hash table from a 64-bit key to a small index, for the per-event path: open addressing, linear probing.
///
/// Invariant that makes the pointer sound: `slots` holds `mask + 1` (a power of two) initialised slots, at least a
/// quarter of them free, so that every probe ends; this value is its only owner.
public struct FlatIndex: ~Copyable {
  @usableFromInline
  struct Slot: BitwiseCopyable {
    @usableFromInline var key: UInt64
    /// The index of the key; -1 where the slot is free.
    @usableFromInline var value: Int32

    @usableFromInline
    init(key: UInt64, value: Int32) {
      self.key = key
      self.value = value
    }
  }

  @usableFromInline var slots: UnsafeMutablePointer<Slot>
  @usableFromInline var mask: Int
  /// The number of keys that have an index.
  public private(set) var count = 0

  /// An empty table with room for `capacity` keys before it grows.
  public init(capacity: Int = 64) {
    var size = 16
    while size * 3 < capacity * 4 { size *= 2 }
    mask = size - 1
    slots = .allocate(capacity: size)
    slots.initialize(repeating: Slot(key: 0, value: -1), count: size)
  }

  deinit { slots.deallocate() }

  /// The index of `key`; nil if it has none.
  @inlinable
  @inline(__always)
  public func find(_ key: UInt64) -> Int32? {
    let slot = slots[position(of: key)]
    return slot.value < 0 ? nil : slot.value
  }

  /// Sets the index of `key`, new or not. `value` must not be negative.
  public mutating func set(_ key: UInt64, _ value: Int32) {
    if (count + 1) * 4 > (mask + 1) * 3 { grow() }
    let position = position(of: key)
    if slots[position].value < 0 { count += 1 }
    slots[position] = Slot(key: key, value: value)
  }

  /// Forgets the keys and keeps the memory.
  public mutating func removeAll() {
    slots.update(repeating: Slot(key: 0, value: -1), count: mask + 1)
    count = 0
  }

  /// Where `key` is, or the free slot where it would go.
  @inlinable
  @inline(__always)
  func position(of key: UInt64) -> Int {
    // Fibonacci hashing: the upper bits of the product are the well mixed ones.
    var position = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 32) & mask
    while slots[position].value >= 0, slots[position].key != key {
      position = (position &+ 1) & mask
    }
    return position
  }

  private mutating func grow() {
    var larger = FlatIndex(capacity: (mask + 1) * 3 / 2)
    for position in 0...mask where slots[position].value >= 0 {
      larger.set(slots[position].key, slots[position].value)
    }
    swap(&self, &larger)
  }
}
