import Foundation
import Testing
import TraceModel

@testable import Binaries
@testable import Unwinder

/// Names and lines of places, against addr2line's.
@Suite(.serialized)
struct SymbolizerTests {
  private static let cxx = """
    #include <algorithm>
    #include <cstdio>
    #include <string>
    #include <vector>
    namespace shop {
    struct Item { std::string name; int price; };
    static inline int taxed(int price) { return price * 19 / 100 + price; }
    template <typename T> __attribute__((noinline)) T total(const std::vector<Item> &items, T start)
    {
      for (const auto &item : items) start += taxed(item.price) + (int)item.name.size();
      return start;
    }
    __attribute__((noinline)) void sort(std::vector<Item> &items)
    {
      std::sort(items.begin(), items.end(), [](const Item &a, const Item &b) { return taxed(a.price) < taxed(b.price); });
    }
    }
    int main(int c, char **v)
    {
      std::vector<shop::Item> items;
      for (int i = 0; i < c * 10; i++) items.push_back({std::string(i, 'x'), i * 7 % 13});
      shop::sort(items);
      printf("%d\\n", shop::total(items, 3));
    }
    """

  /// Without parameters and template arguments: DWARF names some functions without them.
  private static func plain(_ name: String) -> String {
    var plain = ""
    var depth = 0
    for character in name.replacing("operator<", with: "operator_less").replacing("operator()", with: "operator_call") {
      if character == "(" || character == "<" || character == "{" { depth += 1 }
      if depth == 0 { plain.append(character) }
      if character == ")" || character == ">" || character == "}" { depth -= 1 }
    }
    let words = plain.replacing("[clone .isra.0]", with: "").split(separator: " ")
    let last = words.last.map(String.init) ?? ""
    return String(last.split(separator: ":").last ?? "").split(separator: ".").first.map(String.init) ?? ""
  }

  /// Every fifth address of the functions that the source has.
  private func addresses(_ fixture: Fixture, _ file: String) throws -> [UInt64] {
    let functions = try fixture.run(
      "nm -S \(file) | awk '($3 == \"T\" || $3 == \"t\" || $3 == \"W\") && NF == 4 {print $1, $2}'")
    return functions.split(separator: "\n").flatMap { line -> [UInt64] in
      let fields = line.split(separator: " ").compactMap { UInt64($0, radix: 16) }
      return Array(stride(from: fields[0], to: fields[0] + fields[1], by: 5))
    }
  }

  /// The program as a compiler makes it: places in it, what addr2line says of them, and what is found.
  private func compared(_ compiler: String) throws
    -> [(place: String, answer: [SymbolOracle.Scope], found: [StackFrame])]
  {
    let fixture = try Fixture()
    try fixture.write("shop.cc", Self.cxx)
    try fixture.run("\(compiler) -o shop shop.cc")
    let addresses = try addresses(fixture, "shop")
    try #require(addresses.count > 100)
    let answers = try SymbolOracle.scopes(at: addresses, in: "shop", of: fixture)
    let found = try fixture.frames(at: addresses, in: "shop")
    return addresses.indices.map { (String(addresses[$0], radix: 16), answers[$0], found[$0]) }
  }

  /// addr2line prints the symbol table's name for the innermost function, whatever was inlined.
  @Test(arguments: ["g++ -O2 -g", "g++ -O3 -g -gdwarf-4"])
  func inlinedFunctionsAndLinesAreAddr2lines(compiler: String) throws {
    var inlined = 0
    for (place, answer, found) in try compared(compiler) where answer.last?.source.hasPrefix("??") == false {
      inlined += answer.count - 1
      #expect(
        found.map { $0.source ?? "??:0" } == answer.map(\.source).map { $0.replacing(":?", with: ":0") }, "\(place)")
      #expect(
        found.dropFirst().map { Self.plain($0.symbol ?? "??") } == answer.dropFirst().map { Self.plain($0.name) },
        "\(place)")
      #expect(found.map(\.isInlined) == answer.indices.map { $0 < answer.count - 1 })
    }
    #expect(inlined > 50)
  }

  /// It writes no .debug_aranges, and ranges that addr2line does not follow into inlined functions.
  @Test func whatClangInlinedIsFoundToo() throws {
    let compared = try compared("clang++ -O2 -g")
    for (place, answer, found) in compared {
      let source = answer.first?.source ?? "?"
      // Line 0 belongs to no line.
      if source.hasSuffix(":0") || source.hasSuffix("?") { continue }
      // addr2line takes some headers' lines for the source file's.
      #expect(found.first?.source?.split(separator: ":").last == source.split(separator: ":").last, "\(place)")
    }
    #expect(compared.contains { $0.found.contains { $0.isInlined && $0.symbol?.contains("taxed") == true } })
    #expect(compared.reduce(0) { $0 + $1.found.count - 1 } > 50)
  }

  @Test func namesAndLinesAreInTheSeparateDebugFileOfADeletedProgram() throws {
    let fixture = try Fixture()
    try fixture.write("shop.cc", Self.cxx)
    try fixture.run(
      """
      g++ -O2 -g -Wl,--build-id -o shop shop.cc
      id=$(readelf -n shop | awk '/Build ID/ {print $3}')
      directory=root/usr/lib/debug/.build-id/$(echo $id | cut -c1-2)
      mkdir -p $directory
      objcopy --only-keep-debug shop $directory/$(echo $id | cut -c3-).debug
      strip -o stripped shop
      """)
    let address = try fixture.address(of: "main", in: "shop")
    let finder = DebugFileFinder(roots: [fixture.path("root")])
    let found = try fixture.frames(at: [address], in: "stripped", finder: finder) { try fixture.run("rm stripped") }
    #expect(found[0].last?.symbol == "main" && found[0].last?.source?.contains("shop.cc:") == true)
    #expect(found[0].last?.module == "stripped")
  }

  @Test func whatHasNoNameHasItsPlaceInTheFile() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run("gcc -O1 -o whole a.c && strip -s -o bare whole")
    let address = try fixture.address(of: "main", in: "whole")
    let found = try fixture.frames(at: [address], in: "bare")
    #expect(found[0].count == 1 && found[0][0].symbol == nil && found[0][0].module == "bare")
    let offset = try ELFImage(path: fixture.path("bare")).fileOffset(ofAddress: address)
    #expect(found[0][0].moduleOffset == offset)
  }

  @Test func damagedDebugInformationIsNoHarm() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run("gcc -O2 -g -o whole a.c")
    let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.path("whole")))
    let address = try fixture.address(of: "public_work", in: "whole")
    let section = try fixture.run(
      "readelf -SW whole | awk '$2 == \".debug_info\" || $3 == \".debug_info\"' | tr -d '[]'")
    let start = try #require(section.split(separator: " ").compactMap { Int($0, radix: 16) }.first { $0 > 0x1000 })
    var random = SystemRandomNumberGenerator()
    var named = 0
    for _ in 0..<400 {
      var bytes = whole
      // .debug_info, .debug_abbrev, .debug_line and the strings follow each other.
      for _ in 0..<4 {
        bytes[start + Int.random(in: 0..<1200, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      try bytes.write(to: URL(fileURLWithPath: fixture.path("damaged")))
      let found = try fixture.frames(at: [address, address + 4], in: "damaged")
      if found[0].last?.symbol == "public_work" { named += 1 }
      #expect(found.allSatisfy { (1...256).contains($0.count) })
    }
    // The symbol table was not touched.
    #expect(named == 400)
  }
}
