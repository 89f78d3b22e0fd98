import Foundation
import TestSupport
import Testing
import TraceModel

@testable import Binaries
@testable import Unwinder

/// Code that a program has copied to other memory, and put back where it was: it is that of its file.
struct CopiedCodeTests {
  /// A file of two segments: 0x1000 bytes that are no code at 0, and code of 0x10000 bytes, whose addresses are 0x1000 higher than
  /// their places in the file.
  private static func image() -> [UInt8] {
    var writer = FileBytes()
    writer.addELFHeader(segments: 2)
    writer.addSegment(flags: 4, offset: 0, address: 0, size: 0x1000)
    writer.addSegment(flags: 5, offset: 0x1000, address: 0x2000, size: 0x10000)
    writer.pad(to: 0x11000)
    return writer.bytes
  }

  private static let start: UInt64 = 0x7F00_0000_0000
  private static let code = start + 0x2000

  /// What is found at an address, in a process that has the file at `start` with `copy` of its code replaced.
  private func found(_ neighbours: [(offset: UInt64, at: UInt64)], copy: Range<UInt64>, at address: UInt64) throws
    -> String
  {
    let path = FileManager.default.temporaryDirectory.path + "/copied-code-\(UUID().uuidString)"
    try #require(FileManager.default.createFile(atPath: path, contents: Data(Self.image())))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let modules = ModuleTable()
    var processes = ProcessCodeTable(source: modules)
    var mapping = CodeMapping(start: copy.lowerBound, length: UInt64(copy.count), fileOffset: 0, path: "//anon")
    mapping.neighbours = neighbours.map {
      CodeMapping(start: $0.at, length: 0x1000, fileOffset: $0.offset, path: path)
    }
    processes.replaceAll([mapping], of: 1, at: 1)
    guard let found = processes.space(of: 1, at: 1).mapping(containing: address) else { return "nothing" }
    return found.module.isAnonymous ? "anonymous" : "+" + String(found.offset(of: address), radix: 16)
  }

  @Test func itHasThePlaceInTheFileThatItWasCopiedFrom() throws {
    let (start, code) = (Self.start, Self.code)
    // Between two pieces of the code; behind what is no code; before what follows.
    #expect(
      try found([(0x1000, code), (0x5000, code + 0x4000)], copy: code + 0x1000..<code + 0x4000, at: code + 0x1234)
        == "+2234")
    #expect(try found([(0, start)], copy: code..<code + 0x10000, at: code + 0x1234) == "+2234")
    #expect(try found([(0x10000, code + 0xF000)], copy: code..<code + 0xF000, at: code + 0x1234) == "+2234")
  }

  @Test func whatLiesWhereTheFileHasNoCodeIsNoCopy() throws {
    let (start, code) = (Self.start, Self.code)
    let behind = code + 0x10000
    #expect(try found([(0x10000, behind - 0x1000)], copy: behind..<behind + 0x1000, at: behind) == "anonymous")
    #expect(try found([(0, start)], copy: start - 0x1000..<start, at: start - 1) == "anonymous")
    #expect(try found([], copy: code..<code + 0x1000, at: code) == "anonymous")
    // The rest of a larger piece is none either.
    #expect(try found([(0, start)], copy: code..<behind + 0x1000, at: behind - 1) == "+10fff")
    #expect(try found([(0, start)], copy: code..<behind + 0x1000, at: behind) == "anonymous")
  }
}
