import Foundation
import TestSupport
import Testing

@testable import Binaries

/// How much a hostile file may claim.
struct HostileImageTests {
  /// A header of a program whose section headers are at `sections` in a file of `size` bytes that is mostly a hole.
  private func sparse(_ fixture: Fixture, _ name: String, size: UInt64, programHeaders: UInt16 = 0, count: UInt64)
    throws
  {
    var writer = FileBytes()
    writer.bytes = Array(SyntheticProgram().image.prefix(64))
    func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
      withUnsafeBytes(of: value.littleEndian) { writer.bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
    }
    put(UInt64(64), at: 40)
    put(programHeaders, at: 56)
    put(UInt16(0), at: 60)
    writer.pad(to: 128)
    put(count, at: 64 + 32)
    #expect(FileManager.default.createFile(atPath: fixture.path(name), contents: Data(writer.bytes)))
    try fixture.run("truncate -s \(size) \(name)")
  }

  @Test func aFileThatIsMostlyAHoleCannotClaimAnyNumberOfSections() throws {
    let fixture = try Fixture()
    try sparse(fixture, "sections", size: 1 << 40, count: 1 << 33)
    #expect(throws: ImageError.unsupported(path: fixture.path("sections"), reason: "it has 8589934592 sections")) {
      _ = try ELFImage(path: fixture.path("sections"))
    }
    try sparse(fixture, "segments", size: 1 << 40, programHeaders: 0xFFFF, count: 1)
    #expect(throws: ImageError.self) { _ = try ELFImage(path: fixture.path("segments")) }
  }

  @Test(.timeLimit(.minutes(1))) func theChecksumOfAnEndlessFileIsNotComputed() throws {
    let fixture = try Fixture()
    try fixture.run("truncate -s 1T hole")
    #expect(try ImageBytes(path: fixture.path("hole")).checksum == nil)
  }

  @Test func adjacentSegmentsOfAFileAreToldApart() throws {
    let fixture = try Fixture()
    var bytes = SyntheticProgram().image
    func put(_ value: UInt64, at offset: Int) {
      withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(offset..<offset + 8, with: $0) }
    }
    // Two executable PT_LOADs: [0, 0x1000) at 0, and the next page at 0x10_1000.
    bytes.replaceSubrange(120..<176, with: bytes[64..<120])
    bytes[56] = 2
    put(0x1000, at: 64 + 32)
    for (offset, value) in [(8, 0x1000), (16, 0x10_1000), (24, 0x10_1000), (32, 0x800)] as [(Int, UInt64)] {
      put(value, at: 120 + offset)
    }
    #expect(FileManager.default.createFile(atPath: fixture.path("two"), contents: Data(bytes)))
    let opened = OpenedImage(try ELFImage(path: fixture.path("two")), finder: DebugFileFinder(roots: []))
    #expect(opened.address(ofFileOffset: 0xFFF) == 0xFFF)
    #expect(opened.address(ofFileOffset: 0x1000) == 0x10_1000)
    #expect(opened.address(ofFileOffset: 0x1FFF) == 0x10_1FFF)
    #expect(opened.address(ofFileOffset: 0x2000) == nil)
  }
}
