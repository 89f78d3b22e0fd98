import Foundation
import Testing
import TraceModel

@testable import Binaries
@testable import Unwinder

/// Files of a recording that are not, or not any more, at the paths that they had where it was made.
struct BuildIDStoreTests {
  private func fixture() throws -> (Fixture, buildID: [UInt8]) {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run(
      """
      gcc -Wl,--build-id a.c -o a; echo 'int main(void) { return 3; }' > b.c; gcc -Wl,--build-id b.c -o b
      id=$(readelf -nW a | sed -n 's/.*Build ID: //p'); echo $id > id
      echo $id | sed 's/^../&\\//' > name; mkdir -p perf/.build-id/$(dirname $(cat name)) cache/$id
      """)
    let image = try ELFImage(path: fixture.path("a"))
    let buildID = image.buildID
    return (fixture, try #require(buildID))
  }

  /// What the program's `hidden_helper` is called, where its file is looked for by the build-id; and what is said besides.
  private func name(_ fixture: Fixture, _ buildID: [UInt8], path: String) throws -> (symbol: String?, notes: [String]) {
    let store = BuildIDStore { name in
      ["PERF_BUILDID_DIR": fixture.path("perf"), "DEBUGINFOD_CACHE_PATH": fixture.path("cache")][name]
    }
    let modules = ModuleTable { TargetFiles(recorded: $0, root: "", store: store) }
    let mapping = CodeMapping(start: 0x1000, length: 0x2000, fileOffset: 0, path: path, buildID: buildID)
    let module = modules.module(of: mapping, in: 1)
    let address = try fixture.address(of: "hidden_helper", in: "a") + 8
    let image = try ELFImage(path: fixture.path("a"))
    let found = image.fileOffset(ofAddress: address)
    let offset = try #require(found)
    var symbolizer = Symbolizer()
    let frame = Frame(code: .instruction(offset), isGuessed: false, module: module, offset: offset)
    let symbol = symbolizer.frames(of: StackPlace(frame), in: modules[module]?.reference)[0].symbol
    return (symbol, symbolizer.notes)
  }

  @Test(arguments: [
    "mkdir -p perf/.build-id/$rest; cp a perf/.build-id/$rest/elf", "cp a perf/.build-id/$rest",
    "cp a cache/$id/executable",
  ])
  func aFileIsFoundByItsBuildID(command: String) throws {
    let (fixture, buildID) = try fixture()
    #expect(try name(fixture, buildID, path: "/nonexistent/a").symbol == nil)
    try fixture.run("id=$(cat id); rest=$(cat name); \(command)")
    // Not here at all, and another build at the path.
    #expect(try name(fixture, buildID, path: "/nonexistent/a").symbol == "hidden_helper")
    #expect(try name(fixture, buildID, path: fixture.path("b")).symbol == "hidden_helper")
  }

  @Test func aFileOfAnotherBuildIsNotUsedAndThatIsSaid() throws {
    let (fixture, buildID) = try fixture()
    // Wherever it lies.
    try fixture.run("id=$(cat id); cp b perf/.build-id/$(cat name); cp b cache/$id/executable")
    let other = try name(fixture, buildID, path: fixture.path("b"))
    #expect(other.symbol == nil && other.notes.count == 1)
    #expect(other.notes.first?.contains("not the ones that ran") == true)
    let missing = try name(fixture, buildID, path: "/nonexistent/a")
    #expect(missing.symbol == nil && missing.notes.first?.contains("could not be opened: a") == true)
    #expect(try name(fixture, buildID, path: fixture.path("a")).notes.isEmpty)
  }

  @Test func whatIsNoBuildIDHasNoPlace() {
    let store = BuildIDStore { _ in "/x" }
    #expect(
      store.images([]).isEmpty && store.images([1]).isEmpty
        && store.debugFiles([UInt8](repeating: 1, count: 65)).isEmpty)
    #expect(store.images([0xAB, 0x0C]).first == "/x/.build-id/ab/0c/elf")
    #expect(BuildIDStore { _ in nil }.debugFiles([1, 2]).isEmpty)
  }
}
