import Testing
import TraceModel

@testable import Binaries
@testable import Unwinder

struct PerfMapTests {
  private func map(_ text: String) -> PerfMap { PerfMap(Array(text.utf8)) }

  @Test func aRunTimeCompilersMapNamesItsCode() {
    let map = map(
      """
      1000 20 first
      0x2000 10 a name with spaces
      1000 8 again
      nonsense
      3000 0 empty
      4000 zz bad
      5000 10

      """)
    #expect(map.symbol(at: 0x1007)?.name == "again" && map.symbol(at: 0x1007)?.start == 0x1000)
    #expect(map.symbol(at: 0x1008)?.name == "first" && map.symbol(at: 0x1020) == nil && map.symbol(at: 0xFFF) == nil)
    #expect(map.symbol(at: 0x200F)?.name == "a name with spaces")
    #expect(map.symbol(at: 0x3000) == nil && map.symbol(at: 0x5001) == nil)
    #expect(PerfMap([]).symbol(at: 0) == nil)
  }

  /// Code that replaces a part of other code, or is a part of larger code.
  @Test func theLastLineOfAnAddressIsTrue() {
    let map = map(
      """
      1000 100 old function(int, char)
      1040 20 new
      1080 1000 longer
      10a0 8 inner

      """)
    #expect(map.symbol(at: 0x103F)?.name == "old function(int, char)")
    #expect(map.symbol(at: 0x1040)?.name == "new" && map.symbol(at: 0x105F)?.name == "new")
    #expect(map.symbol(at: 0x1060)?.start == 0x1000)
    #expect(map.symbol(at: 0x1080)?.name == "longer" && map.symbol(at: 0x10A8)?.name == "longer")
    #expect(map.symbol(at: 0x10A7)?.name == "inner")
    #expect(map.symbol(at: 0x207F)?.name == "longer" && map.symbol(at: 0x2080) == nil)
  }

  /// Against painting every byte, line after line.
  @Test func overlapsAreThoseOfPaintingLineAfterLine() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var painted = [Int?](repeating: nil, count: 300)
      var text = ""
      for number in 0..<Int.random(in: 0..<30, using: &random) {
        let start = Int.random(in: 0..<200, using: &random)
        let size = Int.random(in: 0..<90, using: &random)
        for place in start..<start + size { painted[place] = number }
        text += "\(String(start, radix: 16)) \(String(size, radix: 16)) f\(number)\n"
      }
      let map = map(text)
      for (place, number) in painted.enumerated() {
        #expect(map.symbol(at: UInt64(place))?.name == number.map { "f\($0)" })
      }
    }
  }

  /// A size beyond the end of all addresses is no size.
  @Test func damagedLinesAreLeftOut() {
    let map = map(
      """

      1000
      1000\u{20}
      1000 10
      1000 10\u{20}
      xyz 10 a
      1000 zz a
      10000000000000000 10 a
      ffffffffffffff00 ffffffffffffffff a
      1000 0 a
      -5 10 a
      2000 10 good
      3000 10 unfinished
      """)
    #expect(map.symbol(at: 0x2005)?.name == "good")
    for address: UInt64 in [0, 0x1000, 0x3000, 0xFFFF_FFFF_FFFF_FF00, .max] { #expect(map.symbol(at: address) == nil) }
  }

  /// The code at an address, and the map, are another one in the next window.
  @Test func placesOfAnonymousMemoryAreNamedByTheMapOfTheMoment() {
    var symbolizer = Symbolizer()
    let frame = Frame(code: .returnAddress(0x1100), isGuessed: true, module: .anonymous, offset: 0x10FF)
    #expect(symbolizer.frames(of: StackPlace(frame), in: nil).map(\.symbol) == [nil])
    for name in ["LazyCompile:~work /app.js:12", "work"] {
      symbolizer.perfMaps[0] = map("1000 100 \(name)\n")
      let found = symbolizer.frames(of: StackPlace(frame), in: nil)
      #expect(found.map(\.symbol) == [name] && found[0].offset == 0x100 && found[0].moduleOffset == 0x1100)
      #expect(found[0].address == 0x1100 && found[0].isGuessed)
    }
  }
}
