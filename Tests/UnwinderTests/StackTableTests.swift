import Testing
import TraceModel

@testable import Unwinder

struct StackTableTests {
  private func places(_ addresses: [UInt64]) -> FlatArray<StackPlace> {
    var places = FlatArray<StackPlace>()
    for address in addresses { places.append(StackPlace(.instruction(address), nil)) }
    return places
  }

  @Test func eachDistinctStackHasOneNumber() {
    var table = StackTable(limit: 1000)
    #expect(table.intern(places([1, 2, 3])) == 0 && table.intern(places([2, 3])) == 1)
    #expect(table.intern(places([1, 2, 3])) == 0 && table.intern(places([1, 2, 4])) == 2)
    #expect(table.intern(places([])) == nil)
    #expect(table.places(of: 2).map(\.address) == [1, 2, 4])
    #expect(table.removeAll().map { $0.map(\.address) } == [[1, 2, 3], [2, 3], [1, 2, 4]])
    #expect(table.intern(places([9])) == 0)
  }

  @Test func framesOfOneAddressInDifferentModulesAreTwo() {
    var table = StackTable(limit: 10)
    func place(_ module: UInt32) -> FlatArray<StackPlace> {
      var places = FlatArray<StackPlace>()
      let mapping = Mapping(start: 0, end: 10, module: ModuleID(number: module))
      places.append(StackPlace(.instruction(5), mapping))
      return places
    }
    #expect(table.intern(place(1)) == 0 && table.intern(place(2)) == 1 && table.intern(place(1)) == 0)
  }

  @Test func noMoreThanTheLimitAreKept() {
    var table = StackTable(limit: 2)
    #expect(table.intern(places([1, 2])) == 0 && table.intern(places([3])) == 1)
    // One that is the outer part of another is a third one.
    #expect(table.intern(places([2])) == nil && table.intern(places([4, 3])) == nil)
    #expect(table.intern(places([1, 2])) == 0)
  }

  @Test func manyStacksAreFoundAgain() {
    var table = StackTable(limit: 100_000)
    for round in 0..<2 {
      for number in 0..<20_000 as Range<UInt64> {
        let found = table.intern(places([number % 100, number / 100 % 10, number]))
        #expect(found == Int(number), "round \(round)")
      }
    }
  }
}
