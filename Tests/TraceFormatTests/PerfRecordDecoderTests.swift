import Foundation
import TestSupport
import Testing
import TraceModel
import TraceTestSupport

@testable import TraceFormat

/// Single records: what the fixtures do not hold, and what no kernel writes.
struct PerfRecordDecoderTests {
  private static let type: UInt64 =
    PerfRecordLayout.tid | PerfRecordLayout.time | PerfRecordLayout.cpu | PerfRecordLayout.callchain
    | PerfRecordLayout.userRegisters | PerfRecordLayout.userStack
  private static let kernelMarker = UInt64(bitPattern: -128)

  private func decoder(
    _ type: UInt64 = type, _ architecture: RegisterArchitecture = .x86_64
  ) throws -> PerfRecordDecoder {
    PerfRecordDecoder(
      layout: try #require(
        PerfRecordLayout(sampleType: type, registerMask: architecture.kernelMask, architecture: architecture)))
  }

  private func decode(_ bytes: [UInt8], _ decoder: PerfRecordDecoder) throws -> PerfRecord {
    try bytes.withUnsafeBytes { try decoder.decode($0) }
  }

  private func sample(
    chain: [UInt64] = [kernelMarker, 0xFFFF_FFFF_8100_0000], chainCount: UInt64? = nil, abi: UInt64 = 2,
    registers: Int = 17, stack: UInt64 = 16, valid: UInt64 = 8
  ) -> [UInt8] {
    var record = RecordBuilder(type: 9)
    record.add(UInt32(100))
    record.add(UInt32(101))
    record.add(UInt64(5_000))
    record.add(UInt64(3))
    record.add(chainCount ?? UInt64(chain.count))
    for address in chain { record.add(address) }
    record.add(abi)
    if abi != 0 { for index in 0..<registers { record.add(UInt64(1000 + index)) } }
    record.add(stack)
    if stack > 0, stack < 4096 {
      for index in 0..<stack { record.add(UInt8(index)) }
      record.add(valid)
    }
    return record.finished
  }

  private func decodedSample(_ bytes: [UInt8], _ decoder: PerfRecordDecoder) throws -> PerfSample {
    guard case .sample(let sample) = try decode(bytes, decoder) else { throw PerfRecordFailure.inconsistent }
    return sample
  }

  @Test func aSampleIsReadFieldByField() throws {
    let decoder = try decoder()
    let bytes = sample()
    let sample = try decodedSample(bytes, decoder)
    #expect(sample.stamp.pid == 100)
    #expect(sample.stamp.tid == 101)
    #expect(sample.stamp.timestamp == 5_000)
    #expect(bytes.withUnsafeBytes(decoder.timestamp) == 5_000)
    #expect(sample.stamp.cpu == 3)
    #expect(sample.kernelCallchain.length == 8)
    #expect(sample.userStack.length == 8)
    #expect(sample.dumpSize == 16)
    #expect(bytes[sample.userStack.offset..<sample.userStack.offset + 8].elementsEqual(0..<8))
  }

  /// The kernel writes ax, bx, cx, dx, si, di, bp, sp, ip, then (flags and segments left out) r8 to r15.
  @Test func registersOfX86GetTheirDWARFNumbers() throws {
    let registers = try decodedSample(sample(), try decoder()).registers
    let expected: [UInt64] = [1000, 1003, 1002, 1001, 1004, 1005, 1006, 1007] + (1009...1016).map { $0 } + [1008]
    #expect((0...16).map { registers[$0] ?? 0 } == expected)
    #expect(registers.instructionPointer == 1008)
    #expect(registers.stackPointer == 1007)
    #expect(registers[17] == nil)
  }

  @Test func registersOfARM64KeepTheirNumbers() throws {
    let registers = try decodedSample(sample(registers: 33), try decoder(Self.type, .arm64)).registers
    #expect((0..<33).map { registers[$0] ?? 0 } == (1000..<1033).map { $0 })
    #expect(registers.instructionPointer == 1032)
    #expect(registers.stackPointer == 1031)
  }

  @Test func aTaskWithoutUserSpaceHasNoRegistersAndNoStack() throws {
    let sample = try decodedSample(sample(abi: 0, stack: 0), try decoder())
    #expect(sample.registers.known == 0)
    #expect(sample.userStack.length == 0)
  }

  @Test func registersOf32BitCodeAreMarked() throws {
    #expect(try decodedSample(sample(abi: 1), try decoder()).registers.is32Bit)
  }

  @Test func aCallchainIsCutAtItsMarkers() throws {
    let user = UInt64(bitPattern: -512)
    let bytes = sample(chain: [Self.kernelMarker, 1, 2, user, 3])
    let sample = try decodedSample(bytes, try decoder())
    #expect(sample.kernelCallchain.length == 16)
    #expect(sample.userCallchain.length == 8)
    #expect(sample.userCallchain.offset == sample.kernelCallchain.offset + 24)
  }

  @Test func countsBeyondTheRecordAreRefused() throws {
    let decoder = try decoder()
    for count in [3, 1 << 20, .max / 8, .max / 8 + 2, .max] as [UInt64] {
      #expect(throws: PerfRecordFailure.self) { try decode(sample(chainCount: count), decoder) }
    }
    for size in [4096, .max, .max - 7] as [UInt64] {
      #expect(throws: PerfRecordFailure.truncated) { try decode(sample(stack: size), decoder) }
    }
  }

  @Test func moreValidStackThanDumpedIsRefused() throws {
    let decoder = try decoder()
    #expect(throws: PerfRecordFailure.inconsistent) { try decode(sample(valid: 17), decoder) }
  }

  @Test func aLengthOtherThanTheHeadersIsRefused() throws {
    let decoder = try decoder()
    let bytes = sample()
    for length in 0..<bytes.count {
      #expect(throws: PerfRecordFailure.self) { try decode(Array(bytes[..<length]), decoder) }
    }
  }

  @Test func everyTruncationWithAFittingHeaderIsRefused() throws {
    let decoder = try decoder()
    let bytes = sample()
    for length in stride(from: 8, to: bytes.count, by: 1) {
      var cut = Array(bytes[..<length])
      cut[6] = UInt8(truncatingIfNeeded: length)
      cut[7] = UInt8(truncatingIfNeeded: length >> 8)
      #expect(throws: PerfRecordFailure.truncated) { try decode(cut, decoder) }
    }
  }

  @Test func aMappingWithABuildIDHasNoDeviceAndInode() throws {
    var record = RecordBuilder(type: 10, misc: 1 << 14)
    record.add(UInt32(7))
    record.add(UInt32(8))
    for value in [0x1000, 0x2000, 0x3000] as [UInt64] { record.add(value) }
    record.add(UInt32(4))
    for value in 1...20 as ClosedRange<UInt8> { record.add(value) }
    record.add(UInt32(5))
    record.add(UInt32(2))
    record.add(text: "/lib/x")
    for value in [8 << 32 | 7, 42, 1] as [UInt64] { record.add(value) }
    let bytes = record.finished
    guard case .mapping(let mapping) = try decode(bytes, try decoder()) else {
      Issue.record("not a mapping")
      return
    }
    #expect(mapping.start == 0x1000 && mapping.length == 0x2000 && mapping.fileOffset == 0x3000)
    #expect(Array(bytes[mapping.buildID.offset..<mapping.buildID.offset + mapping.buildID.length]) == [1, 2, 3, 4])
    #expect(mapping.protection == 5)
    #expect(mapping.path.length == 6)
    #expect(mapping.stamp == PerfStamp(timestamp: 42, pid: 7, tid: 8, cpu: 1))
    #expect(bytes.withUnsafeBytes(try decoder().timestamp) == 42)
  }

  @Test func aBuildIDLongerThanItsFieldIsRefused() throws {
    var record = RecordBuilder(type: 10, misc: 1 << 14)
    for _ in 0..<4 { record.add(UInt64(0)) }
    record.add(UInt32(21))
    for _ in 0..<8 { record.add(UInt64(0)) }
    let bytes = record.finished
    let decoder = try decoder()
    #expect(throws: PerfRecordFailure.inconsistent) { try decode(bytes, decoder) }
  }

  @Test func lostSamplesAndUnknownTypesAreTold() throws {
    var lost = RecordBuilder(type: 13)
    for value in [9, 0, 42, 1] as [UInt64] { lost.add(value) }
    guard case .lostSamples(9, let stamp) = try decode(lost.finished, try decoder()) else {
      Issue.record("not lost samples")
      return
    }
    #expect(stamp.timestamp == 42)
    var other = RecordBuilder(type: 4711)
    for value in [0, 43, 1] as [UInt64] { other.add(value) }
    guard case .other(4711, _) = try decode(other.finished, try decoder()) else {
      Issue.record("not another record")
      return
    }
  }

  @Test func samplesWithBranchesOrNewerFieldsHaveNoLayout() {
    #expect(PerfRecordLayout(sampleType: 1 << 11, registerMask: 0) == nil)
    #expect(PerfRecordLayout(sampleType: 1 << 25, registerMask: 0) == nil)
    #expect(PerfRecordLayout(sampleType: .max, registerMask: 0) == nil)
  }
}
