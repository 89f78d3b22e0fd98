import Foundation
import Testing

@testable import Binaries
@testable import Unwinder

struct RustNameTests {
  /// Made by rustc 1.95 with `-C symbol-mangling-version=v0`, and the examples of RFC 2603.
  static let names = [
    "_RNvC6_123foo3bar", "_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "_RNSC3foo3bar",
    "_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std",
    "_RMC0INtC8arrayvec8ArrayVechKj7b_E", "_RYMC0INtC8arrayvec8ArrayVechKj7b_EC3foo", "_RNvMs0_C3fooNtB5_1A1b",
    "_RNvXs_C3fooINtB4_3FoomENtB4_5Trait1f", "_RINvC3foo1fRDG_INtC4core2FnTRL0_hEEEL_E",
    "_RINvC3foo1fFUKCRL_hEuE", "_RINvC3foo1fFG0_RL1_hRL0_tERL1_hE", "_RINvC3foo1fAhj10_ShTaEQlPmOxE",
    "_RINvC3foo1fKanf_Kb1_Kc41_Kc1f600_Ky123456789abcdef0_E",
    "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
    "_RNvC3foo3bar.llvm.1234567890ABCDEF",
    "_RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_",
  ]

  @Test func namesAreReadAsBinutilsReadsThem() throws {
    let fixture = try Fixture()
    try fixture.write("names", Self.names.map { String($0.prefix { $0 != "." }) }.joined(separator: "\n") + "\n")
    // Without crates' hashes and the types of constants.
    let listed = try fixture.run("c++filt < names | sed -E 's/\\[[0-9a-f]+\\]//g; s/: ([ui](8|64|size)|bool|char)//g'")
    let expected = listed.split(separator: "\n").map(String.init)
    #expect(expected.count == Self.names.count)
    for (name, expected) in zip(Self.names, expected) { #expect(Function.readable(name) == expected, "\(name)") }
  }

  @Test func aFunctionIsFoundByItsRustName() throws {
    let fixture = try Fixture()
    try fixture.write(
      "a.c", "void _RNvC6_123foo3bar(void) {}\nvoid _RNvC3foo3bar(void) {}\nint main(void) { return 0; }\n")
    try fixture.run("gcc a.c -o a")
    var table = try fixture.table("a")
    #expect(try table.find("foo::bar").function?.name == "_RNvC3foo3bar")
    #expect(try table.find("123foo::bar").function?.displayName == "123foo::bar")
  }

  @Test func aLegacyNameIsShownWithoutItsHash() {
    #expect(Function.readable("_ZN4core3fmt5write17h0123456789abcdefE") == "core::fmt::write")
    #expect(
      Function.readable("_ZN47_$LT$alloc..string..String$u20$as$u20$Trait$GT$1f17h0123456789abcdefE")
        == "<alloc::string::String as Trait>::f")
  }

  @Test func damagedNamesAreLeftAsTheyAre() {
    #expect(Function.readable("_R") == nil)
    #expect(Function.readable("_RNvC") == nil)
    // A back reference to itself.
    #expect(Function.readable("_RINvC3foo1fB7_E") == nil)
    #expect(Function.readable("_RNvC9999999999999999999foo3bar") == nil)
    #expect(Function.readable("_R" + String(repeating: "Nv", count: 10_000)) == nil)
    #expect(Function.readable("_RINvC3foo1f" + String(repeating: "R", count: 10_000) + "hE") == nil)
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var name = Array((Self.names.randomElement(using: &random) ?? "").utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        name[Int.random(in: 2..<name.count, using: &random)] = UInt8.random(in: 33...126, using: &random)
      }
      _ = RustName.demangle(String(decoding: name, as: UTF8.self))
    }
  }

  /// Each level repeats the one before twice.
  @Test func namesThatExpandWithoutEndAreLeftAsTheyAre() {
    // Type 1 is (A, A), type 2 is (1, 1) and so on.
    var rust = "INvC3foo1fTmmE"
    var place = 10
    for _ in 0..<30 {
      let next = rust.utf8.count
      let digits = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
      let number = place - 1
      let reference = number < 62 ? "B\(digits[number])_" : "B\(digits[number / 62])\(digits[number % 62])_"
      rust += "T\(reference)\(reference)E"
      place = next
    }
    #expect(Function.readable("_R" + rust + "E") == nil)
  }
}
