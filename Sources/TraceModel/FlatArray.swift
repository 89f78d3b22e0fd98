/// A growable array of plain values for the per-event path: no uniqueness check, no retain, no exclusivity check.
///
/// `public` (as is `Event`), though no product exports it: inlinable code of narrower access is not specialised in other
/// modules, which makes each access a generic call.
///
/// Invariant that makes the pointer sound: `storage` holds `capacity` elements of which the first `count` are
/// initialised, this value is its only owner (`~Copyable`), and elements need no deinitialisation (`BitwiseCopyable`).
/// Indices are checked in debug builds only; callers pass indices that they got from `append`.
public struct FlatArray<Element: BitwiseCopyable>: ~Copyable {
  @usableFromInline var storage: UnsafeMutablePointer<Element>
  @usableFromInline var capacity: Int
  /// The number of elements now.
  public var count: Int

  /// An empty array with room for `capacity` elements before it grows.
  @inlinable
  @inline(__always)
  public init(capacity: Int = 16) {
    self.capacity = max(capacity, 1)
    count = 0
    storage = .allocate(capacity: self.capacity)
  }

  deinit { storage.deallocate() }

  /// The element at `index`, which must be one of `0..<count`.
  @inlinable
  @inline(__always)
  public subscript(index: Int) -> Element {
    get {
      assert(index >= 0 && index < count)
      return storage[index]
    }
    _modify {
      assert(index >= 0 && index < count)
      yield &storage[index]
    }
  }

  /// Adds `element` and returns its index.
  @inlinable
  @inline(__always)
  @discardableResult
  public mutating func append(_ element: Element) -> Int {
    if count == capacity { reserve(count + 1) }
    storage[count] = element
    count += 1
    return count - 1
  }

  /// Adds `element`; `reserve` has made room for it.
  @inlinable
  @inline(__always)
  public mutating func appendWithinCapacity(_ element: Element) {
    assert(count < capacity)
    storage[count] = element
    count &+= 1
  }

  /// Makes room for `needed` elements in all; grows by doubling.
  public mutating func reserve(_ needed: Int) {
    guard needed > capacity else { return }
    let grown = max(capacity * 2, needed)
    let moved = UnsafeMutablePointer<Element>.allocate(capacity: grown)
    moved.update(from: storage, count: count)
    storage.deallocate()
    storage = moved
    capacity = grown
  }

  /// The elements; valid until the next change.
  @inlinable
  @inline(__always)
  public var elements: UnsafeBufferPointer<Element> { UnsafeBufferPointer(start: storage, count: count) }

  /// Takes off the last element; there must be one.
  @inlinable
  @inline(__always)
  public mutating func removeLast() -> Element {
    assert(count > 0)
    count -= 1
    return storage[count]
  }

  /// Takes off the first `number` elements.
  public mutating func removeFirst(_ number: Int) {
    guard number > 0 else { return }
    count -= number
    storage.update(from: storage + number, count: count)
  }

  /// Forgets the elements and keeps the memory.
  @inlinable
  @inline(__always)
  public mutating func removeAll() { count = 0 }
}
