import Testing

@testable import Unwinder

/// Mappings as they come and go.
struct AddressSpaceTests {
  private let one = ModuleID(number: 1)
  private let two = ModuleID(number: 2)

  private func mapping(_ range: Range<UInt64>, _ module: ModuleID, offset: UInt64 = 0) -> Mapping {
    Mapping(start: range.lowerBound, end: range.upperBound, fileOffset: offset, module: module)
  }

  @Test func aMappingReplacesWhatWasThere() {
    var space = AddressSpace()
    space.add(mapping(0x1000..<0x5000, one, offset: 0x100))
    space.add(mapping(0x2000..<0x3000, two))
    #expect(
      space.mappings == [
        mapping(0x1000..<0x2000, one, offset: 0x100), mapping(0x2000..<0x3000, two),
        mapping(0x3000..<0x5000, one, offset: 0x2100),
      ])
    space.add(mapping(0x1800..<0x4000, two))
    #expect(space.mapping(containing: 0x17FF)?.module == one)
    #expect(space.mapping(containing: 0x1800)?.module == two)
    #expect(space.mapping(containing: 0x4000)?.offset(of: 0x4000) == 0x3100)
    space.remove(0..<0x10_0000)
    #expect(space.mappings.isEmpty)
  }

  @Test func theEndsOfTheAddressSpaceAreNoSpecialPlace() {
    var space = AddressSpace()
    space.add(mapping(0..<0x1000, one))
    space.add(mapping(.max - 0x1000 ..< .max, two))
    space.add(mapping(5..<5, two))
    #expect(space.mappings.count == 2)
    #expect(space.mapping(containing: 0)?.module == one)
    #expect(space.mapping(containing: .max - 1)?.module == two)
    #expect(space.mapping(containing: .max) == nil)
    space.remove(.max - 0x10 ..< .max)
    #expect(space.mapping(containing: .max - 0x11) != nil && space.mapping(containing: .max - 0x10) == nil)
  }

  @Test func everyChangeHasANumberOfItsOwn() {
    var parent = AddressSpace()
    parent.add(mapping(0x1000..<0x2000, one))
    var child = parent
    #expect(child.generation == parent.generation)
    child.remove(0x1000..<0x1800)
    parent.remove(0x1000..<0x1800)
    #expect(child.generation != parent.generation)
    let before = child.generation
    child.remove(0x8000..<0x9000)
    #expect(child.generation == before)
    child.removeAll()
    #expect(child.generation != before && child.mappings.isEmpty)
  }

  @Test func thereAreNeverMoreMappingsThanTheLimit() {
    var space = AddressSpace()
    space.add(mapping(0..<UInt64.max, one))
    // Each punches a hole: it and what is left behind it are two more.
    for index in 1...UInt64(AddressSpace.limit) { space.add(mapping(index * 0x10000..<index * 0x10000 + 0x100, two)) }
    #expect(space.mappings.count <= AddressSpace.limit && space.refused > 0)
    let holes = UInt64(AddressSpace.limit)
    for index in 1...holes { space.remove(index * 0x10000 + 0x8000..<index * 0x10000 + 0x8100) }
    #expect(space.mappings.count <= AddressSpace.limit)
    var last: UInt64 = 0
    var isOrdered = true
    for mapping in space.mappings {
      isOrdered = isOrdered && mapping.start >= last && mapping.end > mapping.start
      last = mapping.end
    }
    #expect(isOrdered)
  }

  @Test func theCacheOfMappingsKnowsEveryChange() {
    var cache = MappingCache()
    var space = AddressSpace()
    #expect(cache.find(0x1500, space) == nil)
    space.add(mapping(0x1000..<0x2000, one))
    #expect(cache.find(0x1500, space)?.module == one)
    let before = space
    space.add(mapping(0x1000..<0x2000, two))
    #expect(cache.find(0x1500, space)?.module == two)
    #expect(cache.find(0x1500, before)?.module == one)
    space.remove(0x1400..<0x1600)
    #expect(cache.find(0x1500, space) == nil)
    // Two mappings in one page.
    space.add(mapping(0x1400..<0x1500, one))
    #expect(cache.find(0x1450, space)?.module == one)
    #expect(cache.find(0x1300, space)?.module == two)
    #expect(cache.find(0x0, AddressSpace()) == nil)
  }
}
