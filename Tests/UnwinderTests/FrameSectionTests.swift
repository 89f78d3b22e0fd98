import TestSupport
import Testing
import TraceModel

@testable import Unwinder

/// Lists of frame descriptions: how one is found, and what hostile ones cost.
struct FrameSectionTests {
  private func section(_ bytes: [UInt8], kind: FrameSection.Kind = .ehFrame) -> FrameSection {
    FrameSection(kind: kind, data: SectionBytes(bytes), address: 0x2000, is64Bit: true)
  }

  private static let three: SyntheticProgram = {
    var program = SyntheticProgram()
    for start in [0x3000, 0x1000, 0x2000] as [UInt64] { program.describe(start..<start + 0x100) }
    return program
  }()

  @Test func aDescriptionIsFoundByAnyAddressOfItsCode() throws {
    let index = FrameIndex(scanning: section(Self.three.frameBytes))
    #expect(index.count == 3 && index.malformedEntries == 0)
    for address in [0x1000, 0x10FF, 0x2080, 0x3000] as [UInt64] {
      #expect(try index.description(containing: address)?.code.lowerBound == address & ~0xFFF)
    }
    for address in [0, 0xFFF, 0x1100, 0x3100, .max] as [UInt64] {
      #expect(try index.description(containing: address) == nil)
    }
  }

  @Test func theHeadersTableLeadsToTheSameDescriptions() throws {
    let frames = section(Self.three.frameBytes)
    let scanned = FrameIndex(scanning: frames)
    // Each of the entries has the same length.
    let size = (Self.three.frameBytes.count - 4) / 3
    let common = size - (4 + 4 + 16 + 1)
    var header = FileBytes()
    // .eh_frame's address and the count as udata4, the table as datarel sdata4.
    header.bytes = [1, 0x03, 0x03, 0x3B]
    header.add(UInt32(0x2000))
    header.add(UInt32(3))
    for (start, place) in [(0x1000, 1), (0x2000, 2), (0x3000, 0)] as [(Int32, Int)] {
      header.add(start - 0x5000)
      header.add(Int32(0x2000 + place * size + common - 0x5000))
    }
    let data = SectionBytes(header.bytes)
    let index = try #require(FrameIndex(of: frames, header: data, at: 0x5000))
    for address in [0, 0x1000, 0x10FF, 0x1100, 0x2080, 0x30FF, 0x3100] as [UInt64] {
      let (found, expected) = try (
        index.description(containing: address)?.code, scanned.description(containing: address)?.code
      )
      #expect(found == expected)
    }
    // A table that is cut off, or that leads elsewhere, is not gone by.
    #expect(FrameIndex(of: frames, header: SectionBytes(Array(header.bytes.dropLast())), at: 0x5000) == nil)
    let away = try #require(FrameIndex(of: frames, header: data, at: 0x9000))
    #expect(throws: CFIError.truncated) { try away.description(containing: 0x6000) }
  }

  @Test func anEntryThatCannotBeReadIsLeftOutAlone() throws {
    var bytes = Self.three.frameBytes
    // The version of the second CIE.
    let size = (bytes.count - 4) / 3
    bytes[size + 8] = 99
    let index = FrameIndex(scanning: section(bytes))
    #expect(index.count == 2 && index.malformedEntries == 1)
    #expect(try index.description(containing: 0x1000) == nil)
    #expect(try index.description(containing: 0x2000) != nil)
  }

  @Test func whereverTheSectionIsCutOffNothingIsReadBeyond() throws {
    let bytes = Self.three.frameBytes
    for count in 0..<bytes.count {
      let index = FrameIndex(scanning: section(Array(bytes[..<count])))
      for address in [0x1000, 0x2000, 0x3000] as [UInt64] { _ = try? index.description(containing: address) }
      #expect(index.count <= 3)
    }
  }

  @Test func damagedSectionsNeverCrash() throws {
    var random = SystemRandomNumberGenerator()
    let whole = Self.three.frameBytes
    for _ in 0..<3000 {
      var bytes = whole
      for _ in 0..<4 {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let section = section(bytes, kind: Bool.random(using: &random) ? .ehFrame : .debugFrame)
      let index = FrameIndex(scanning: section)
      var budget = FrameBudget()
      for address in [0x1000, 0x2000, 0x3000] as [UInt64] {
        guard let found = try? index.description(containing: address) else { continue }
        _ = try? CFIProgram.row(for: address, found, section, &budget)
      }
    }
  }

  @Test(
    "A common entry whose augmentation never ends is not read again and again for each description",
    .timeLimit(.minutes(1)))
  func longAugmentation() {
    let count = 50_000
    var writer = FileBytes()
    writer.add(UInt32(4 << 20))
    writer.add(UInt32(0))
    writer.bytes += [1] + Array(repeating: UInt8(ascii: "z"), count: 4 << 20 - 5)
    writer.pad(to: 4 + 4 << 20)
    for _ in 0..<count {
      writer.add(UInt32(8))
      writer.add(UInt32(writer.bytes.count))
      writer.add(UInt32(0))
    }
    let index = FrameIndex(scanning: section(writer.bytes))
    #expect(index.count == 0)
  }

  @Test func sectionsOfAllModulesTogetherAreLimited() {
    var budget = FrameBudget()
    let all = budget.bytes
    let answers = [all + 1, all - 1, 1, 1, 0].map { budget.take($0) }
    #expect(answers == [false, true, true, false, true])
  }
}
