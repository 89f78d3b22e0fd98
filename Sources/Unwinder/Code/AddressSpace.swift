internal import Synchronization
internal import TraceModel

/// A range of a process's memory that code can run from.
package struct Mapping: Sendable, Equatable, BitwiseCopyable {
  package let start: UInt64
  /// The address of the first byte behind the range.
  package let end: UInt64
  /// Where in the module's file `start` lies, in bytes.
  package let fileOffset: UInt64
  package let module: ModuleID

  /// A mapping of a file, or (`.anonymous`) of memory that a run-time compiler fills.
  package init(start: UInt64, end: UInt64, fileOffset: UInt64 = 0, module: ModuleID) {
    self.start = start
    self.end = end
    self.fileOffset = fileOffset
    self.module = module
  }

  @inline(__always)
  func contains(_ address: UInt64) -> Bool { address >= start && address < end }

  /// The place in the module's file of an address within the range, in bytes.
  @inline(__always)
  func offset(of address: UInt64) -> UInt64 { fileOffset &+ (address &- start) }
}

/// A process's executable mappings at one time. They change with the records of the trace, and each sample is unwound
/// with those of its time. A copy is what `fork` gives the child.
package struct AddressSpace: Sendable {
  /// The most mappings that are kept. The kernel's default for a process is 65,530 mappings of any kind.
  package static let limit = 1 << 16
  private static let serial = Atomic<UInt64>(0)

  /// The mappings by address, without overlaps.
  package private(set) var mappings: [Mapping] = []
  /// A number that is another one after every change, in all address spaces: what is remembered by it stays true.
  package private(set) var generation: UInt64 = 0
  /// Where the kernel lets functions return to whose return a probe waits for: the first byte of its page for probes. 0 where
  /// there is none.
  package private(set) var returnTrampoline: UInt64 = 0
  /// The number of mappings that were not taken because there were too many.
  package private(set) var refused = 0

  /// An address space without mappings.
  package init() {}

  /// Takes note of an executable mapping, which replaces what was there (as `mmap` with MAP_FIXED does).
  package mutating func add(_ mapping: Mapping) {
    guard mapping.start < mapping.end else { return }
    remove(mapping.start..<mapping.end)
    guard mappings.count < Self.limit else {
      refused += 1
      return
    }
    mappings.insert(mapping, at: place(of: mapping.start))
    if mapping.module == .probes { returnTrampoline = mapping.start }
    changed()
  }

  /// Takes note that a range is unmapped, or mapped for something that is not executable.
  package mutating func remove(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    let replaced = places(in: range)
    guard !replaced.isEmpty else { return }
    if range.contains(returnTrampoline) { returnTrampoline = 0 }
    var kept: [Mapping] = []
    for old in mappings[replaced] {
      if old.start < range.lowerBound {
        kept.append(Mapping(start: old.start, end: range.lowerBound, fileOffset: old.fileOffset, module: old.module))
      }
      if old.end > range.upperBound {
        let offset = old.offset(of: range.upperBound)
        kept.append(Mapping(start: range.upperBound, end: old.end, fileOffset: offset, module: old.module))
      }
    }
    // A hole makes two of one.
    if kept.count > 1, replaced.count == 1, mappings.count >= Self.limit {
      kept.removeLast()
      refused += 1
    }
    mappings.replaceSubrange(replaced, with: kept)
    changed()
  }

  /// Takes note of `exec`: all mappings are gone.
  package mutating func removeAll() {
    mappings.removeAll()
    returnTrampoline = 0
    changed()
  }

  /// The mapping that an address is a part of; nil if none is.
  package func mapping(containing address: UInt64) -> Mapping? {
    let place = place(of: address &+ 1)
    guard place > 0, mappings[place - 1].contains(address) else { return nil }
    return mappings[place - 1]
  }

  /// The mappings that have addresses in a range.
  func mappings(in range: Range<UInt64>) -> ArraySlice<Mapping> { mappings[places(in: range)] }

  private func places(in range: Range<UInt64>) -> Range<Int> {
    var first = place(of: range.lowerBound)
    if first > 0, mappings[first - 1].end > range.lowerBound { first -= 1 }
    return first..<max(first, place(of: range.upperBound))
  }

  /// How many mappings start before `address`.
  private func place(of address: UInt64) -> Int {
    partitionPoint(of: mappings.count) { mappings[$0].start < address }
  }

  private mutating func changed() {
    generation = Self.serial.wrappingAdd(1, ordering: .relaxed).newValue
  }
}

/// Remembers the mappings of the pages that stacks go through.
///
/// Invariant that makes the pointer sound: `slots` holds `size` (a power of two) initialised slots, and every index is
/// masked with `size - 1`; this value is the only owner.
struct MappingCache: ~Copyable {
  private struct Slot: BitwiseCopyable {
    var page: UInt64
    var generation: UInt64
    var mapping: Mapping
  }

  private static let size = 256
  private let slots: UnsafeMutablePointer<Slot>

  init() {
    slots = .allocate(capacity: Self.size)
    let nothing = Mapping(start: 0, end: 0, module: .anonymous)
    // No address space in use has generation 0: one without mappings is never remembered.
    slots.initialize(repeating: Slot(page: 0, generation: 0, mapping: nothing), count: Self.size)
  }

  deinit { slots.deallocate() }

  /// The mapping of `address` in `space`.
  @inline(__always)
  mutating func find(_ address: UInt64, _ space: borrowing AddressSpace) -> Mapping? {
    let page = address >> 12
    let slot = slots + Int(truncatingIfNeeded: page ^ (page >> 8)) & (Self.size - 1)
    if slot.pointee.page == page, slot.pointee.generation == space.generation,
      slot.pointee.mapping.contains(address)
    {
      return slot.pointee.mapping
    }
    guard let found = space.mapping(containing: address) else { return nil }
    slot.pointee = Slot(page: page, generation: space.generation, mapping: found)
    return found
  }
}
