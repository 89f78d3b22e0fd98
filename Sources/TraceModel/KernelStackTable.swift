/// The kernel stacks that events name by number, each kept once: threads block at few places.
///
/// It is a class because a reader adds to it and a session looks at it, in the same thread: as a value it would be copied whole
/// for each that holds it. Numbers stay what they are as long as the table lives.
package final class KernelStackTable {
  /// The most stacks that are kept; what a target adds by its behaviour is bounded.
  package static let capacity = 1 << 16
  /// The most addresses of a stack that are kept, from the innermost on. The kernel records up to 1024.
  package static let depth = 128

  private struct Entry: BitwiseCopyable {
    /// Where the stack's addresses begin.
    var start: Int
    var count: Int32
    /// The stack before this one whose addresses have the same hash; -1 for none.
    var next: Int32
  }

  private var entries = FlatArray<Entry>(capacity: 256)
  private var addresses = FlatArray<UInt64>(capacity: 4096)
  /// The latest stack with each hash.
  private var byHash = FlatIndex(capacity: 256)
  /// The number of stacks that found no room.
  package private(set) var refused: UInt64 = 0

  package init() {}

  /// The number of stacks.
  package var count: Int { entries.count }

  /// The number of the stack whose return addresses are the words of `stack`, innermost first; it is added if it is new. -1
  /// where there is no room for another one.
  package func intern(_ stack: UnsafeRawBufferPointer) -> Int32 {
    let count = min(stack.count / 8, Self.depth)
    // FNV-1a over whole words, whose upper halves have to count for the lower ones.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in 0..<count {
      hash = (hash ^ stack.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)) &* 0x100_0000_01B3
      hash ^= hash &>> 32
    }
    let latest = byHash.find(hash) ?? -1
    var candidate = latest
    while candidate >= 0 {
      let entry = entries[Int(candidate)]
      if entry.count == count, isEqual(entry, stack) { return candidate }
      candidate = entry.next
    }
    return add(stack, count, hash, latest)
  }

  private func isEqual(_ entry: Entry, _ stack: UnsafeRawBufferPointer) -> Bool {
    for index in 0..<Int(entry.count)
    where addresses[entry.start + index] != stack.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) {
      return false
    }
    return true
  }

  private func add(_ stack: UnsafeRawBufferPointer, _ count: Int, _ hash: UInt64, _ latest: Int32) -> Int32 {
    guard entries.count < Self.capacity else {
      refused &+= 1
      return -1
    }
    let start = addresses.count
    for index in 0..<count {
      addresses.append(stack.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
    }
    let number = Int32(entries.append(Entry(start: start, count: Int32(count), next: latest)))
    byHash.set(hash, number)
    return number
  }

  /// The return addresses of the stack with this number, innermost first; empty where there is none.
  package subscript(number: Int32) -> [UInt64] {
    guard number >= 0, number < entries.count else { return [] }
    let entry = entries[Int(number)]
    return (0..<Int(entry.count)).map { addresses[entry.start + $0] }
  }
}
