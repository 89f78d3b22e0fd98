import Testing

@testable import Binaries
@testable import Unwinder

struct CXXNameSizeTests {
  /// Each level repeats the one before twice: 400 MB without a bound.
  @Test func namesThatExpandWithoutEndAreLeftAsTheyAre() {
    func doubled(_ levels: Int) -> String {
      let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
      return "_Z1f1AIiE" + (0..<levels).map { "S_IS\(digits[$0])_S\(digits[$0])_E" }.joined()
    }
    #expect(Function.readable(doubled(4))?.hasPrefix("f(A<int>, A<") == true)
    #expect(Function.readable(doubled(24)) == nil)
  }

  /// The estimate must not keep names of real programs from being read.
  @Test func allNamesOfALargeProgramAreRead() throws {
    let fixture = try Fixture()
    let path = try fixture.run("echo $(dirname $(readlink -f $(command -v swiftc)))/swift-frontend").trimmed
    var table = FunctionTable(of: try ELFImage(path: path), finder: DebugFileFinder(roots: []))
    var (count, refused) = (0, 0)
    try table.forEach { function in
      let name = function.name
      guard name.hasPrefix("_Z"), name.utf8.count <= 4096 else { return }
      count += 1
      if !CXXNameSize.isBounded(name) { refused += 1 }
    }
    #expect(count > 100_000)
    // Nearly none: the estimate is too high where large types are repeated.
    #expect(refused * 1000 < count)
  }
}
