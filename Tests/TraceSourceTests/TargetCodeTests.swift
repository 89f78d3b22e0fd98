import Foundation
import Testing
import TraceModel

@testable import TraceSource

struct FileNameTests {
  private let paths = [
    "/usr/bin/program", "/usr/lib/libc.so.6", "/opt/one/libsame.so", "/opt/two/libsame.so", "/opt/libx.so.1.2",
    "/usr/lib/libcap-2.so", "/usr/lib/libcrypt.so.1",
  ]

  @Test(arguments: [
    ("libc.so.6", [1]), ("libc", [1]), ("lib/libc.so.6", [1]), ("./program", [0]), ("program", [0]),
    ("libsame.so", [2, 3]),
    ("two/libsame.so", [3]), ("libx.so", [4]), ("libx.so.1", [4]), ("libx", [4]), ("libcap", [5]), ("libc.so", [1]),
    ("same.so", []), ("lib", []), ("progra", []), ("ib/libc.so.6", []), ("", []), (".", []), ("usr/", []), ("std", []),
  ])
  func aNameMeansTheFilesThatItFitsBest(_ name: String, _ expected: [Int]) {
    #expect(FileName.matches(of: name, in: paths) == expected)
  }
}

struct TargetPathTests {
  @Test func aNameThatEndsLikeTheKernelsMarkIsTold() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("paths-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let path = directory.path + "/lib.so (deleted)"
    try "x".write(toFile: path, atomically: false, encoding: .utf8)
    let own = "/proc/self"
    #expect(TargetPath.name(path, of: path, in: own) == path)
    // The mapped file is another one, which is gone.
    #expect(TargetPath.name(path, of: "/proc/self/exe", in: own) == directory.path + "/lib.so")
    #expect(TargetPath.name(path + " (deleted)", of: path, in: own) == path)
    #expect(TargetPath.name("/lib/x.so", of: "/nowhere", in: own) == "/lib/x.so")
  }
}

struct MappedCodeTests {
  /// A program of which the middle was copied, with a library that is mapped in two more ways.
  private let maps = """
    00400000-00410000 r--p 00000000 fe:00 11                                 /bin/program
    00410000-00420000 r-xp 00010000 fe:00 11                                 /bin/program
    00420000-00600000 r-xp 00000000 00:00 0
    00600000-00610000 r-xp 00200000 fe:00 11                                 /bin/program
    00700000-00710000 rwxp 00000000 fe:00 12                                 /lib/a.so
    00710000-00720000 r-xs 00010000 fe:00 12                                 /lib/a.so
    """

  @Test func eachPlaceOfAFileIsMappedOrIsNotForAReason() throws {
    let program = try #require(FileIdentity("/proc/self/exe"))
    let library = try #require(FileIdentity("/"))
    let other = try #require(FileIdentity("/proc"))
    let mapped = MappedCode(MappedCode.parse(maps)) { $0.inode == 11 ? program : library }
    #expect(mapped.presence(of: program, at: 0x10000) == .mapped)
    #expect(mapped.presence(of: program, at: 0x20000) == .copied)
    #expect(mapped.presence(of: program, at: 0x1FFFFF) == .copied)
    #expect(mapped.presence(of: program, at: 0x200000) == .mapped)
    #expect(mapped.presence(of: program, at: 0x300000) == .unmapped)
    #expect(mapped.presence(of: library, at: 0) == .unprobeable("writable"))
    #expect(mapped.presence(of: library, at: 0x10000) == .unprobeable("shared"))
    #expect(mapped.presence(of: other, at: 0) == .absent)
  }

  @Test func aMappedFileThatCannotBeLookedAtMayBeAny() throws {
    let program = try #require(FileIdentity("/proc/self/exe"))
    let other = try #require(FileIdentity("/proc"))
    let mapped = MappedCode(MappedCode.parse(maps)) { $0.inode == 11 ? program : nil }
    #expect(mapped.presence(of: other, at: 0) == nil)
    #expect(mapped.presence(of: program, at: 0x10000) == .mapped)
  }

  @Test func aNameThatEndsWithACarriageReturnHidesNoOtherMapping() {
    let maps = """
      00400000-00410000 r-xp 00000000 fe:00 11                                 /lib/one.so\r
      00500000-00510000 rwxs 00000000 fe:00 12                                 /lib/two.so
      """
    #expect(CodeMapping.parse(maps).map(\.path) == ["/lib/one.so\r", "/lib/two.so"])
    let areas = MappedCode.parse(maps)
    #expect(areas.map(\.isWritable) == [false, true] && areas.map(\.isShared) == [false, true])
  }
}
