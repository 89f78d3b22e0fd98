import Foundation
import Testing

@testable import Binaries
@testable import Unwinder

struct LookupTests {
  @Test func localFunctionsOfOneNameAreAmbiguousAndToldApartByFile() throws {
    let fixture = try Fixture()
    try fixture.write(
      "one.c",
      "static __attribute__((noinline)) int twin(int x) { return x * getpid(); }\nint one(int x) { return twin(x); }")
    try fixture.write(
      "two.c",
      "static __attribute__((noinline)) int twin(int x) { return x + getpid(); }\nint two(int x) { return twin(x); }")
    try fixture.write("main.c", "int one(int), two(int); int main(int c, char **v) { return one(c) + two(c); }")
    try fixture.run("gcc -w -O1 one.c two.c main.c -o a")
    var table = try fixture.table("a")
    let twins = try #require(try table.find("twin").functions)
    #expect(Set(twins.map(\.sourceFile)) == ["one.c", "two.c"])
    #expect(Set(twins.map(\.address)).count == 2)
  }

  @Test func aGlobalFunctionGoesBeforeALocalOne() throws {
    let fixture = try Fixture()
    try fixture.write(
      "one.c",
      "static __attribute__((noinline)) int twin(int x) { return x * getpid(); }\nint one(int x) { return twin(x); }")
    try fixture.write("two.c", "int twin(int x) { return x + getpid(); }")
    try fixture.write("main.c", "int one(int), twin(int); int main(int c, char **v) { return one(c) + twin(c); }")
    try fixture.run("gcc -w -O1 one.c two.c main.c -o a")
    var table = try fixture.table("a")
    let found = try #require(try table.find("twin").function)
    #expect(found.binding == .global)
    #expect(
      try fixture.run("nm a | awk '$2 == \"T\" && $3 == \"twin\" { print $1 }'").trimmed.hexadecimal == found.address)
  }

  @Test func anIndirectFunctionNamesItsImplementations() throws {
    let fixture = try Fixture()
    try fixture.write(
      "a.c",
      """
      static int fill_fast(void) { return 1; }
      static int fill_slow(void) { return 2; }
      int refill(void) { return 3; }
      static int (*choose(void))(void) { return sizeof(long) == 8 ? fill_fast : fill_slow; }
      int fill(void) __attribute__((ifunc("choose")));
      int main(void) { return fill() + refill() + fill_slow(); }
      """)
    try fixture.run("gcc a.c -o a")
    var table = try fixture.table("a")
    guard case .indirect(let function, let implementations) = try table.find("fill") else {
      Issue.record("fill is not indirect")
      return
    }
    #expect(function.kind == .indirect)
    #expect(implementations == ["fill_fast", "fill_slow", "refill"])
  }

  @Test(arguments: [false, true])
  func theDefaultVersionGoesBeforeOlderOnes(_ isStripped: Bool) throws {
    let fixture = try Fixture()
    try fixture.write(
      "a.c",
      """
      int old_price(void) { return 1; }
      int new_price(void) { return 2; }
      __asm__(".symver old_price, price@V1");
      __asm__(".symver new_price, price@@V2");
      """)
    try fixture.write("map", "V1 { global: price; local: *; };\nV2 { global: price; } V1;\n")
    try fixture.run("gcc -shared -fPIC -Wl,--version-script=map a.c -o whole.so; cp whole.so a.so")
    if isStripped { try fixture.run("strip a.so") }
    var table = try fixture.table("a.so")
    let found = try #require(try table.find("price").function)
    #expect(found.address == (try fixture.address(of: "new_price", in: "whole.so")))
    #expect(found.name == "price")
    #expect(!found.isOldVersion)
  }

  @Test func assemblerWithoutATypeIsFoundWhenNothingElseIs() throws {
    let fixture = try Fixture()
    try fixture.write("a.s", ".text\n.globl handmade\nhandmade:\n ret\n.data\n.globl datum\ndatum: .long 1\n")
    try fixture.write("main.c", "void handmade(void); int main(void) { handmade(); return 0; }")
    try fixture.run("gcc a.s main.c -z noexecstack -o a")
    var table = try fixture.table("a")
    #expect(try table.find("handmade").function?.kind == .untyped)
    #expect(try table.find("datum").function == nil)
  }

  @Test func nearestNamesComeFirst() throws {
    let fixture = try Fixture()
    try fixture.write(
      "a.c",
      """
      int read_block(void) { return 1; }
      int read_blocks_all(void) { return 1; }
      int unrelated(void) { return 1; }
      int main(void) { return 0; }
      """
    )
    try fixture.run("gcc a.c -o a")
    var table = try fixture.table("a")
    #expect(try table.find("read_blokc").nearest?.first == "read_block")
    #expect(try table.find("read_block_").nearest?.first == "read_block")
    #expect(try table.find("mian").nearest?.first == "main")
    #expect(try table.find("Read_Blocks").nearest?.prefix(2).contains("read_blocks_all") == true)
    #expect(try table.find("zzzz").nearest == [])
    #expect(try table.find("").nearest == [])
  }

  @Test func cxxNamesAreFoundAsTheyAreWritten() throws {
    let fixture = try Fixture()
    try fixture.write(
      "a.cc",
      """
      #include <string>
      #include <vector>
      namespace shop {
      struct Cart {
        int total(int tax); int total(double tax); void add(std::string const &name);
        bool operator<(Cart const &other) const; explicit operator bool() const;
      };
      int Cart::total(int tax) { return tax; }
      int Cart::total(double tax) { return (int)tax; }
      void Cart::add(std::string const &) {}
      bool Cart::operator<(Cart const &) const { return false; }
      Cart::operator bool() const { return true; }
      template <class T> __attribute__((noinline)) T largest(std::vector<T> const &all) { return all[0]; }
      template int largest<int>(std::vector<int> const &);
      namespace { __attribute__((noinline, used)) int secret(int x) { return x; } }
      }
      int main() { return shop::secret(1); }
      """)
    try fixture.run("g++ -O1 a.cc -o a")
    var table = try fixture.table("a")
    // Every function of the fixture by the full name that c++filt prints.
    let names = try fixture.run("nm a | awk '$2 ~ /[tTW]/ && $3 ~ /4shop/ { print $3 }'").split(separator: "\n")
    #expect(names.count == 7)
    for name in names {
      let printed = try fixture.run("c++filt '\(name)'").trimmed
      #expect(try table.find(printed).function?.name == String(name), "\(printed)")
      #expect(try table.find(String(name)).function?.displayName == printed)
    }
    for (name, linked) in [
      ("shop::Cart::add", "_ZN4shop4Cart3addE"), ("shop::Cart::operator<", "_ZNK4shop4CartltE"),
      ("shop::Cart::operator bool", "_ZNK4shop4CartcvbE"), ("shop::largest<int>", "_ZN4shop7largestI"),
      ("shop::largest", "_ZN4shop7largestI"), ("shop::(anonymous namespace)::secret", "_ZN4shop12_GLOBAL__N_1"),
    ] {
      #expect(try table.find(name).function?.name.hasPrefix(linked) == true, "\(name)")
    }
    let overloads = try #require(try table.find("shop::Cart::total").functions)
    #expect(Set(overloads.map(\.displayName)) == ["shop::Cart::total(int)", "shop::Cart::total(double)"])
    #expect(try table.find("totel").nearest?.first?.hasPrefix("shop::Cart::total(") == true)
    #expect(try table.find("shop::Cart::totel").nearest?.first?.hasPrefix("shop::Cart::total(") == true)
  }

  @Test func legacyRustNamesAreFoundWithoutTheirHash() throws {
    let fixture = try Fixture()
    try fixture.write(
      "a.s",
      """
      .text
      .globl _ZN4core3fmt5write17h0123456789abcdefE
      .type _ZN4core3fmt5write17h0123456789abcdefE, @function
      _ZN4core3fmt5write17h0123456789abcdefE: ret
      """)
    try fixture.write("main.c", "int main(void) { return 0; }")
    try fixture.run("gcc a.s main.c -z noexecstack -o a")
    var table = try fixture.table("a")
    #expect(try table.find("core::fmt::write").function?.name == "_ZN4core3fmt5write17h0123456789abcdefE")
  }

  /// Every function of a program by each of the names that `swift demangle` prints for it.
  @Test func swiftNamesAreFoundAsTheyAreWritten() throws {
    let fixture = try Fixture()
    try fixture.write(
      "main.swift",
      """
      struct Basket<Item> {
        var weight = 1
        static func empty() async throws {}
        init(weight: Int, _ item: Item) {}
        func map<Other>(_ other: Other, by change: (Int) -> Void) -> [String: Int?] { [:] }
        subscript(place: Int) -> [Int] { [place] }
      }
      final class BasketKeeper {
        func keep() {
          let later = { print(2) }
          later()
          func inner(q: Int) { print(q) }
          inner(q: 1)
        }
      }
      extension Array { func heaviest(of count: Int) {} }
      private func hidden() {}
      BasketKeeper().keep()
      hidden()
      """)
    try fixture.run("swiftc -Onone -module-name market main.swift -o a")
    var table = try fixture.table("a")
    let names = try fixture.run("nm a | awk '$2 ~ /[tT]/ && $3 ~ /6market/ && $3 !~ /[.]/ { print $3 }'")
      .split(separator: "\n").map(String.init)
    #expect(names.count > 15)
    try names.joined(separator: "\n").write(toFile: fixture.path("names"), atomically: true, encoding: .utf8)
    for options in ["-compact", "-compact -simplified"] {
      let printed = try fixture.run("swift demangle \(options) < names").split(separator: "\n").map(String.init)
      try #require(printed.count == names.count)
      for (name, text) in zip(names, printed) {
        #expect(try table.find(text).function?.name == name, "\(text)")
      }
    }
    // The mangling writes the words of BasketKeeper that came before by a letter.
    let keep = try #require(names.first { $0.hasSuffix("4keepyyF") })
    for text in ["market.BasketKeeper.keep", "BasketKeeper.keep"] {
      #expect(try table.find(text).function?.name == keep)
    }
    #expect(try table.find("market.Basket.empty").function != nil)
  }
}

extension String {
  var hexadecimal: UInt64? { UInt64(self, radix: 16) }
}
