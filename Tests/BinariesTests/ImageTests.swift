import Foundation
import Testing
import TraceModel

@testable import Binaries
@testable import Unwinder

struct ImageTests {
  /// How a program can be linked, and what nm must be asked for.
  static let links = ["-pie -fPIE", "-no-pie -fno-pie", "-static", "-static-pie -fPIE", "-shared -fPIC"]

  /// The bytes at the file offset of every function are those that objdump disassembles at its address.
  @Test(arguments: links)
  func fileOffsetsLeadToTheFunctions(_ options: String) throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run("gcc -O1 \(options) a.c -o a 2>/dev/null")
    var table = try fixture.table("a")
    for name in ["hidden_helper", "public_work", "main"] {
      let function = try #require(try table.find(name).function, "\(name)")
      #expect(function.address == (try fixture.address(of: name, in: "a")))
      let listing = try fixture.run("objdump -d a").split(separator: "\n")
      let start = try #require(listing.firstIndex { $0.hasSuffix("<\(name)>:") })
      let first = listing[start + 1].split(separator: "\t")[1].split(separator: " ").compactMap {
        UInt8($0, radix: 16)
      }
      #expect(!first.isEmpty)
      let found = try bytes(of: table.image, at: function.address, count: first.count)
      #expect(found == first)
    }
    #expect((table.image.kind == .fixed) == ["-no-pie -fno-pie", "-static"].contains(options))
  }

  @Test func anAddressOutsideOfTheCodeHasNoFileOffset() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program + "int data = 7;")
    try fixture.run("gcc a.c -o a")
    let image = try ELFImage(path: fixture.path("a"))
    let offset = image.fileOffset(ofAddress: try fixture.address(of: "data", in: "a"))
    #expect(offset == nil)
    let last = image.fileOffset(ofAddress: .max)
    #expect(last == nil)
  }

  @Test func compressedSectionsAreUnpacked() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run("gcc -g a.c -o plain; objcopy --compress-debug-sections=zlib plain packed")
    let plain = try ELFImage(path: fixture.path("plain"))
    let packed = try ELFImage(path: fixture.path("packed"))
    let packedSection = packed.section(named: ".debug_str")
    let section = try #require(packedSection)
    #expect(section.isCompressed)
    let plainSection = plain.section(named: ".debug_str")
    #expect(try packed.data(of: section).bytes == plain.data(of: try #require(plainSection)).bytes)
  }

  @Test func headersTellWhatTheLoaderAndTheDebuggerNeed() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run(
      """
      gcc -shared -fPIC a.c -Wl,-soname,libown.so -o libown.so
      gcc a.c -L. -Wl,--no-as-needed -lown -Wl,--enable-new-dtags,-rpath,'$ORIGIN:/else' -o a
      echo debug > a.debug; objcopy --add-gnu-debuglink=a.debug a
      """)
    let image = try ELFImage(path: fixture.path("a"))
    let dynamic = try image.dynamic
    #expect(dynamic.needed == ["libown.so", "libc.so.6"])
    #expect(dynamic.runpath == ["$ORIGIN", "/else"])
    #expect(try ELFImage(path: fixture.path("libown.so")).dynamic.soname == "libown.so")
    #expect(image.interpreter == (try fixture.run("readelf -lW a | sed -n 's/.*interpreter: \\(.*\\)]/\\1/p'").trimmed))
    let identity = try fixture.run("readelf -nW a | sed -n 's/.*Build ID: //p'").trimmed
    #expect(image.buildID?.map { String(format: "%02x", $0) }.joined() == identity)
    // CRC-32 of "debug\n" by Python's zlib.
    #expect(image.debugLink == DebugLink(name: "a.debug", checksum: 0x7A09_959F))
  }

  @Test func everyTruncationIsAnErrorAndNeverACrash() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run("gcc -s a.c -o a")
    let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.path("a")))
    let path = fixture.path("cut")
    for size in stride(from: 0, to: whole.count, by: 64) {
      try whole.prefix(size).write(to: URL(fileURLWithPath: path))
      // The table of section headers is last: some of it is always missing.
      #expect(throws: ImageError.self) { _ = try ELFImage(path: path) }
    }
  }

  @Test func damagedBytesNeverCrash() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run("gcc a.c -o a")
    let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.path("a")))
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      var damaged = whole
      for _ in 0..<8 {
        // Half of the damage goes into the headers.
        let range = Bool.random(using: &random) ? 0..<1024 : damaged.count - 2048..<damaged.count
        damaged[Int.random(in: range, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      try damaged.write(to: URL(fileURLWithPath: fixture.path("bad")))
      guard var table = try? fixture.table("bad") else { continue }
      _ = try? table.find("no_such_function")
      _ = try? table.count
      _ = try? table.image.usdtProbes
      _ = try? table.image.dynamic
    }
  }

  @Test func whatIsNotAProgramIsRefusedByKind() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run(
      """
      gcc a.c -o a; gcc -c a.c -o object; : > empty; mkfifo fifo; mkdir directory
      cp a foreign; printf '\\363\\000' | dd of=foreign bs=1 seek=18 conv=notrunc status=none
      head -c 40 a > short
      """)
    func error(_ name: String) -> ImageError? {
      do throws(ImageError) {
        _ = try ELFImage(path: fixture.path(name))
        return nil
      } catch {
        return error
      }
    }
    #expect(error("a.c") == .notELF(path: fixture.path("a.c")))
    #expect(error("empty") == .notELF(path: fixture.path("empty")))
    #expect(error("fifo") == .notRegularFile(path: fixture.path("fifo")))
    #expect(error("directory") == .notRegularFile(path: fixture.path("directory")))
    #expect(error("none") == .cannotOpen(path: fixture.path("none"), errno: ENOENT))
    #expect(error("foreign") == .foreignMachine(path: fixture.path("foreign"), machine: 243))
    #expect(error("short") == .truncated(path: fixture.path("short"), part: "header"))
    #expect(error("object")?.description.contains("neither a program nor a shared library") == true)
    for name in ["a.c", "fifo", "none", "foreign", "short", "object"] {
      #expect(error(name)?.description.contains(fixture.path(name)) == true)
    }
  }

  @Test func aProgramsIdentityIsItsMachines() throws {
    #expect(ImageIdentity.read("/proc/self/exe")?.abi == .native)
    #expect(ImageIdentity.read("/etc/passwd") == nil)
  }
}

extension String {
  var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
