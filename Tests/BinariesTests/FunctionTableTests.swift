import Foundation
import Testing

@testable import Binaries
@testable import Unwinder

struct FunctionTableTests {
  @Test func aStrippedLibraryHasItsDynamicFunctions() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run("gcc -shared -fPIC a.c -o whole.so; strip -o a.so whole.so")
    var table = try fixture.table("a.so")
    #expect(try table.find("public_work").function?.address == fixture.address(of: "public_work", in: "whole.so"))
    #expect(try table.find("hidden_helper").nearest != nil)
  }

  @Test func theBuildIDLeadsToTheDebugFile() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run(
      """
      gcc a.c -o a
      id=$(readelf -nW a | sed -n 's/.*Build ID: //p')
      mkdir -p root/usr/lib/debug/.build-id/$(echo $id | cut -c1-2)
      objcopy --only-keep-debug a root/usr/lib/debug/.build-id/$(echo $id | cut -c1-2)/$(echo $id | cut -c3-).debug
      strip -o stripped a
      """)
    var without = try fixture.table("stripped")
    #expect(try without.find("hidden_helper").function == nil)
    var with = try fixture.table("stripped", roots: ["/nowhere", fixture.path("root")])
    #expect(try with.find("hidden_helper").function?.address == fixture.address(of: "hidden_helper", in: "a"))
  }

  @Test(arguments: [".", ".debug", "root/usr/lib/debug/$PWD"])
  func theDebugLinkLeadsToAFileOfItsChecksumOnly(_ place: String) throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run(
      """
      gcc -Wl,--build-id=none a.c -o a
      mkdir -p "\(place)"; objcopy --only-keep-debug a a.debug; strip -o stripped a
      objcopy --add-gnu-debuglink=a.debug stripped; [ \(place) = . ] || mv a.debug "\(place)"
      """)
    var table = try fixture.table("stripped", roots: [fixture.path("root")])
    #expect(try table.find("hidden_helper").function?.address == fixture.address(of: "hidden_helper", in: "a"))
    try fixture.run("printf x >> \"\(place)/a.debug\"")
    var refused = try fixture.table("stripped", roots: [fixture.path("root")])
    #expect(try refused.find("hidden_helper").function == nil)
  }

  /// As Fedora's find-debuginfo makes .gnu_debugdata.
  @Test func minimalDebugDataIsUnpacked() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run(
      """
      gcc -g a.c -o a
      nm -D a --format=posix --defined-only | awk '{ print $1 }' | sort > dynamic
      nm a --format=posix --defined-only | awk '$2 ~ /[tTD]/ { print $1 }' | sort > all
      comm -13 dynamic all > keep
      objcopy --only-keep-debug a debug
      objcopy -S --remove-section .comment --keep-symbols=keep debug mini; xz mini
      strip -o stripped a; cp stripped cut
      objcopy --add-section .gnu_debugdata=mini.xz stripped
      head -c 200 mini.xz > cut.xz; objcopy --add-section .gnu_debugdata=cut.xz cut
      """)
    var table = try fixture.table("stripped")
    #expect(try table.find("hidden_helper").function?.address == fixture.address(of: "hidden_helper", in: "a"))
    var damaged = try fixture.table("cut")
    #expect(try damaged.find("hidden_helper").function == nil)
  }

  @Test func anAddressInsideOfAFunctionFindsIt() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run("gcc a.c -o a")
    var table = try fixture.table("a")
    let work = try #require(try table.find("public_work").function)
    #expect(try table.function(containing: work.address)?.name == "public_work")
    #expect(try table.function(containing: work.address + work.size - 1)?.name == "public_work")
    #expect(try table.function(containing: 1) == nil)
    #expect(try table.find("0x" + String(work.address, radix: 16)).function?.name == "public_work")
    #expect(try table.find("0x" + String(work.address + 1, radix: 16)).function?.kind == .address)
    #expect(try table.find("0xffffffffffffffff").nearest == [])
  }

  #if arch(x86_64)
    @Test func programsOf32BitsAreReadToo() throws {
      let fixture = try Fixture()
      try fixture.write(
        "a.c", "static __attribute__((used)) int helper(int x) { return x; }\nint _start() { return 0; }")
      try fixture.run("gcc -m32 -nostdlib -static -fno-pie -no-pie a.c -o a")
      var table = try fixture.table("a")
      let is64Bit = table.image.is64Bit
      #expect(!is64Bit)
      let helper = try #require(try table.find("helper").function)
      #expect(helper.address == (try fixture.address(of: "helper", in: "a")))
      #expect(helper.sourceFile == "a.c")
      let offset = table.image.fileOffset(ofAddress: helper.address)
      #expect(offset != nil)
    }
  #endif

  /// Against readelf's list, names without versions and each pair once.
  @Test(arguments: ["libc.so.6", "libstdc++.so.6"])
  func allFunctionsAreThoseThatReadelfLists(_ library: String) throws {
    let fixture = try Fixture()
    let path = try fixture.run("gcc -print-file-name=\(library) | xargs readlink -f").trimmed
    let listed = try fixture.run(
      """
      readelf -sW \(path) | awk '($4 == "FUNC" || $4 == "IFUNC") && $7 ~ /^[0-9]+$/ {
        sub(/@.*/, "", $8); print $2, $8 }' | sort -u | wc -l
      """)
    var table = FunctionTable(of: try ELFImage(path: path), finder: DebugFileFinder(roots: []))
    var count = 0
    try table.forEach { if $0.kind != .untyped { count += 1 } }
    #expect(count == Int(listed.trimmed))
  }

  /// The largest program at hand; 250 000 functions in its .symtab.
  @Test func aCompilersFunctionsAreAllThere() throws {
    let fixture = try Fixture()
    let path = try fixture.run("echo $(dirname $(readlink -f $(command -v swiftc)))/swift-frontend").trimmed
    let listed = try fixture.run(
      """
      readelf -sW \(path) | awk '$4 == "FUNC" && $7 ~ /^[0-9]+$/ { sub(/@.*/, "", $8); print $2, $8 }' | sort -u | wc -l
      """)
    var table = FunctionTable(of: try ELFImage(path: path), finder: DebugFileFinder(roots: []))
    var count = 0
    try table.forEach { if $0.kind == .function { count += 1 } }
    #expect(count == Int(listed.trimmed))
    #expect(try table.find("swift::Parser::parseExprIs()").function?.name == "_ZN5swift6Parser11parseExprIsEv")
  }
}
