import Foundation
import Testing
import TraceModel

@testable import Binaries
@testable import Unwinder

/// Debug information that its author chose to make the reader crash, hang or grow. Of each file the function has its name by the
/// symbol table, soon and in little memory.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct HostileDebugTests {
  /// One function, `outer`, and one unit. The parts that are given replace sections' contents.
  private struct Assembly {
    var abbreviations = """
      .uleb128 1, 0x11; .byte 1; .uleb128 0x11, 1, 0x12, 6, 0x10, 0x17, 0, 0
      .uleb128 2, 0x2e; .byte 0; .uleb128 3, 8, 0x11, 1, 0x12, 6, 0, 0
      .byte 0
      """
    /// Of .debug_info behind the first entry, which has children.
    var entries = """
      .uleb128 2; .asciz "outer"; .quad outer; .long .Lend - outer
      .byte 0
      """
    var furtherUnits = ""
    var lines = Assembly.lines(rows: 20)
    var sections = ""

    static func lines(rows: Int, names: String = ".byte 0; .asciz \"a.c\"; .byte 0, 0, 0, 0") -> String {
      """
      .long 4f - 3f
      3: .short 2; .long 6f - 5f
      5: .byte 1, 1, -5, 14, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1
      \(names)
      6: .byte 0, 9, 2; .quad outer; .fill \(rows), 1, 0x20; .byte 0, 1, 1
      4:
      """
    }

    var text: String {
      """
      .text
      .globl outer
      .type outer,@function
      outer: .fill 64, 1, 0x90
      .Lend: .size outer, .-outer
      .section .debug_abbrev, "", @progbits
      \(abbreviations)
      .section .debug_info, "", @progbits
      .long 2f - 1f
      1: .short 4; .long 0; .byte 8
      .uleb128 1; .quad outer; .long .Lend - outer, 0
      \(entries)
      2:
      \(furtherUnits)
      .section .debug_line, "", @progbits
      \(lines)
      \(sections)

      """
    }
  }

  /// What is at the function's fifth byte.
  private func frames(_ assembly: Assembly, isCut: Bool? = nil) throws -> [StackFrame] {
    let fixture = try Fixture()
    try fixture.write("a.s", assembly.text)
    try fixture.run("gcc -nostdlib -static -Wl,-eouter a.s -o a && rm a.s")
    let before = ProcessMemory.resident
    let found = try fixture.frames(at: [try fixture.address(of: "outer", in: "a") + 4], in: "a", isCut: isCut)[0]
    #expect(ProcessMemory.resident < before + 512 << 20)
    #expect(found.last?.symbol == "outer" && found.last?.offset == 4)
    return found
  }

  private func isRefused(_ assembly: Assembly) throws -> Bool {
    try frames(assembly, isCut: true).map { $0.source == nil } == [true]
  }

  /// Each byte of such a line program is a row: 40 MB would be gigabytes.
  @Test(arguments: [20, 40 << 20])
  func aLineProgramOfTooManyRowsIsNotRead(_ rows: Int) throws {
    let frames = try frames(Assembly(lines: Assembly.lines(rows: rows)), isCut: rows > 1000)
    #expect(frames.map { $0.source == nil } == [rows > 1000])
  }

  /// libdw writes a path for each file: 100,000 files of 6 bytes below a directory of 60,000 would be 6 GB.
  @Test func aDirectoryIsNotRepeatedForManyFiles() throws {
    let names = ".fill 60000, 1, 0x61; .byte 0, 0; .rept 100000; .asciz \"f\"; .byte 1, 0, 0; .endr; .byte 0"
    #expect(try isRefused(Assembly(lines: Assembly.lines(rows: 20, names: names))))
  }

  /// DW_FORM_indirect names another form, which may be itself.
  @Test func aFormThatNamesItselfIsNotFollowed() throws {
    let lines = """
      .long 4f - 3f
      3: .short 5; .byte 8, 0; .long 6f - 5f
      5: .byte 1, 1, 1, -5, 14, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1
      .byte 1; .uleb128 1, 0x16; .uleb128 1; .rept 4000000; .byte 0x96, 0; .endr; .byte 8; .asciz "d"
      .byte 0, 0
      6: .byte 0, 9, 2; .quad outer; .fill 20, 1, 0x20; .byte 0, 1, 1
      4:
      """
    #expect(try isRefused(Assembly(lines: lines)))
  }

  /// libdw makes a kilobyte of each of these units, which have twelve bytes.
  @Test func unitsWithoutNumberAreNotRead() throws {
    #expect(
      try isRefused(Assembly(furtherUnits: ".rept 1000000; .long 8; .short 4; .long 0; .byte 8; .uleb128 1; .endr")))
  }

  /// For an entry with a code that its table lacks all of the table is read, for each unit again.
  @Test func largeTablesOfAbbreviationsAreNotReadAgainAndAgain() throws {
    var assembly = Assembly(furtherUnits: ".rept 5000; .long 8; .short 4; .long 0; .byte 8; .uleb128 1; .endr")
    let abbreviations = assembly.abbreviations.replacing("\n.byte 0", with: "")
    // The table of all units begins with another code.
    assembly.abbreviations =
      ".uleb128 3, 0x24; .byte 0, 0, 0\n\(abbreviations)\n"
      + ".set n, 4; .rept 60000; .uleb128 n, 0x24; .byte 0, 0, 0; .set n, n + 1; .endr; .byte 0"
    #expect(try isRefused(assembly))
  }

  /// Attributes that take no bytes are read for each entry again.
  @Test func attributesWithoutBytesAreNotRepeatedWithoutEnd() throws {
    var assembly = Assembly()
    assembly.abbreviations = assembly.abbreviations.replacing(
      "\n.byte 0", with: "\n.uleb128 3, 0x24; .byte 0; .rept 1000000; .byte 0x3f, 0x19; .endr; .byte 0, 0\n.byte 0")
    assembly.entries = ".fill 1000000, 1, 3\n\(assembly.entries)"
    #expect(try isRefused(assembly))
  }

  /// Namespaces within namespaces: a walk that follows them all has no stack left.
  @Test func nestedNamespacesAreFollowedToSomeDepth() throws {
    var assembly = Assembly()
    assembly.abbreviations = assembly.abbreviations.replacing(
      "\n.byte 0", with: "\n.uleb128 3, 0x39; .byte 1, 0, 0\n.byte 0")
    assembly.entries = "\(assembly.entries.replacing("\n.byte 0", with: "")); .fill 2000000, 1, 3; .fill 2000001, 1, 0"
    let frames = try frames(assembly)
    #expect(frames.map { $0.source != nil } == [true])
  }

  /// A range list of a function that goes on for ever, nearly.
  @Test func rangesAreReadAsLongAsTheBudgetLasts() throws {
    var assembly = Assembly()
    assembly.abbreviations = assembly.abbreviations.replacing(
      "\n.byte 0", with: "\n.uleb128 3, 0x2e; .byte 0; .uleb128 0x55, 0x17, 0, 0\n.byte 0")
    assembly.entries = ".rept 20000; .byte 3; .long 0; .endr\n\(assembly.entries)"
    assembly.sections = ".section .debug_ranges, \"\", @progbits; .rept 1000000; .quad 0x10, 0x20; .endr; .quad 0, 0"
    _ = try frames(assembly)
  }

  @Test func siblingsThatLeadBackEndTheWalk() throws {
    var assembly = Assembly()
    assembly.abbreviations = assembly.abbreviations.replacing(
      "\n.byte 0", with: "\n.uleb128 3, 0x24; .byte 0; .uleb128 1, 0x13, 0, 0\n.byte 0")
    assembly.entries = ".byte 3; .long 0x1c\n\(assembly.entries)"
    _ = try frames(assembly)
  }

  /// A file that is mostly a hole has room for sections of any size.
  @Test func sectionsThatAreTooLargeTogetherAreNotRead() throws {
    let fixture = try Fixture()
    try fixture.write("a.s", Assembly().text)
    try fixture.run("gcc -nostdlib -static -Wl,-eouter a.s -o a && truncate -s 5G a")
    let image = try ELFImage(path: fixture.path("a"))
    let found = image.section(named: ".debug_abbrev")
    let index = try #require(found).index
    let file = try #require(FileHandle(forUpdatingAtPath: fixture.path("a")))
    try file.seek(toOffset: 40)
    let table = try #require(try file.read(upToCount: 8)).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    // sh_size of an Elf64_Shdr, of 64 bytes, is its sixth member.
    try file.seek(toOffset: table + UInt64(index) * 64 + 32)
    try file.write(contentsOf: withUnsafeBytes(of: UInt64(2 << 30)) { Data($0) })
    try file.close()
    let before = ProcessMemory.resident
    let frame = try fixture.frames(at: [try fixture.address(of: "outer", in: "a") + 4], in: "a")[0][0]
    #expect(frame.symbol == "outer" && frame.source == nil)
    #expect(ProcessMemory.resident < before + 256 << 20)
  }

  /// A section of some bytes that says it unpacks to a terabyte, and one that says so in the older form.
  @Test(arguments: ["zlib", "zlib-gnu"])
  func sectionsThatUnpackToTooMuchAreNotRead(_ form: String) throws {
    let fixture = try Fixture()
    try fixture.write("a.c", DebugInformationTests.inlining + String(repeating: "int outer(int);\n", count: 1000))
    try fixture.run("gcc -O1 -g -shared -fPIC a.c -o whole; objcopy --compress-debug-sections=\(form) whole a")
    let addresses = try fixture.addresses(in: "whole", step: 1)
    func names() throws -> Set<String?> { Set(try fixture.frames(at: addresses, in: "a").joined().map(\.symbol)) }
    #expect(try names().contains("inner"))
    let image = try ELFImage(path: fixture.path("a"))
    let found = image.section(named: form == "zlib" ? ".debug_info" : ".zdebug_info")
    let section = try #require(found)
    let file = try #require(FileHandle(forUpdatingAtPath: fixture.path("a")))
    // ch_size of an Elf64_Chdr is little-endian, the size behind `ZLIB` is not.
    try file.seek(toOffset: section.fileOffset + (form == "zlib" ? 8 : 4))
    let size: [UInt8] = [0, 0, 0, 0, 0, 1, 0, 0]
    try file.write(contentsOf: Data(form == "zlib" ? size : size.reversed()))
    try file.close()
    let damaged = try names()
    #expect(damaged.contains("outer") && !damaged.contains("inner"))
  }

  /// `ZLIB` was the mark of packed sections in the older form alone, whose names begin with .zdebug.
  @Test(arguments: ["", "zlib", "zlib-gnu"])
  func aStringThatBeginsWithZLIBIsNoPackedSection(_ form: String) throws {
    let fixture = try Fixture()
    try fixture.write("a.c", DebugInformationTests.inlining)
    try fixture.run("gcc -O1 -g -shared -fPIC a.c -o whole; objcopy --dump-section .debug_str=text whole")
    let strings = try #require(FileManager.default.contents(atPath: fixture.path("text")))
    let end = try #require(strings.firstIndex(of: 0))
    let head = Data("ZLIB_".utf8)
    try #require(end >= head.count)
    try (head + strings.dropFirst(head.count)).write(to: URL(fileURLWithPath: fixture.path("text")))
    try fixture.run("objcopy --update-section .debug_str=text whole a")
    if !form.isEmpty { try fixture.run("objcopy --compress-debug-sections=\(form) a") }
    let addresses = try fixture.addresses(in: "whole", step: 1)
    let names = Set(try fixture.frames(at: addresses, in: "a").joined().map(\.symbol))
    // It may be this name that begins the section.
    #expect(names.contains("inner") || names.contains("ZLIB_"))
  }

  /// Bytes of the sections that libdw reads, and of the headers, are flipped.
  @Test(arguments: ["g++ -g", "g++ -gdwarf-4", "clang++ -g"])
  func damagedFilesNeitherCrashNorHang(_ compiler: String) throws {
    let fixture = try Fixture()
    try fixture.write(
      "a.cc",
      "#include <string>\n" + DebugInformationTests.inlining + "std::string s(int n) { return std::string(n, 'x'); }")
    try fixture.run("\(compiler) -O1 -shared -fPIC a.cc -o whole")
    let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.path("whole")))
    let image = try ELFImage(path: fixture.path("whole"))
    let ranges = image.sections.filter { image.name(of: $0).hasPrefix(".debug_") && $0.size > 0 }
      .map { Int($0.fileOffset)..<Int($0.fileOffset + $0.size) }
    // Where the table of section headers begins, behind all else, is in the header.
    let table = whole.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 40, as: UInt64.self)) }
    let headers = [0..<64, table..<whole.count]
    let offsets = try fixture.addresses(in: "whole", step: 16).compactMap { image.fileOffset(ofAddress: $0) }
    var random = SystemRandomNumberGenerator()
    for _ in 0..<400 {
      var damaged = whole
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        let range = (Int.random(in: 0..<10, using: &random) == 0 ? headers : ranges).randomElement(using: &random)
        let place = Int.random(in: try #require(range), using: &random)
        damaged[place] = Bool.random(using: &random) ? UInt8.random(in: 0...255, using: &random) : 0xFF
      }
      try damaged.write(to: URL(fileURLWithPath: fixture.path("bad")))
      let modules = ModuleTable()
      let id = modules.add(ModuleIdentity(path: fixture.path("bad")), finder: DebugFileFinder(roots: []))
      var symbolizer = Symbolizer()
      for offset in offsets {
        let frame = Frame(code: .instruction(offset), isGuessed: false, module: id, offset: offset)
        _ = symbolizer.frames(of: StackPlace(frame), in: modules[id]?.reference)
      }
    }
  }

  /// Cut while it is open, as its owner can.
  @Test func truncatedFilesNeitherCrashNorHang() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", DebugInformationTests.inlining)
    try fixture.run("gcc -O1 -g -shared -fPIC a.c -o whole")
    let size = try Data(contentsOf: URL(fileURLWithPath: fixture.path("whole"))).count
    let addresses = try fixture.addresses(in: "whole", step: 8)
    for kept in stride(from: 0, to: size, by: 256) {
      try fixture.run("cp whole cut")
      _ = try fixture.frames(at: addresses, in: "cut") { #expect(truncate(fixture.path("cut"), kept) == 0) }
    }
  }
}
