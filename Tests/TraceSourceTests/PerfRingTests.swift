import Foundation
import SystemPackage
import TestSupport
import Testing
import TraceModel
import TraceTestSupport

@testable import TraceFormat
@testable import TraceSource

/// Rings in files instead of the kernel's memory: the test writes what the kernel would.
struct PerfRingTests {
  /// One ring's file, and the kernel's part in it.
  private final class FakeRing {
    let file: FileDescriptor
    let memory: UnsafeMutableRawPointer
    let size: Int
    var head: UInt64 = 0

    init(size: Int = 512 << 10) throws {
      self.size = size
      let path = FilePath(NSTemporaryDirectory() + "perf-ring-\(UUID().uuidString)")
      file = try FileDescriptor.open(
        path, .readWrite, options: [.create, .exclusiveCreate], permissions: [.ownerReadWrite])
      unlink(path.string)
      guard ftruncate(file.rawValue, off_t(4096 + size)) == 0,
        let memory = mmap(nil, 4096 + size, PROT_READ | PROT_WRITE, MAP_SHARED, file.rawValue, 0), memory != MAP_FAILED
      else { throw Errno(rawValue: errno) }
      self.memory = memory
    }

    deinit {
      munmap(memory, 4096 + size)
      try? file.close()
    }

    // struct perf_event_mmap_page: data_head at 1024, data_tail at 1032.
    var tail: UInt64 { memory.load(fromByteOffset: 1032, as: UInt64.self) }

    func publish() { memory.storeBytes(of: head, toByteOffset: 1024, as: UInt64.self) }

    /// False where there is no room.
    func write(_ record: [UInt8]) -> Bool {
      guard head - tail + UInt64(record.count) <= UInt64(size) else { return false }
      for byte in record {
        memory.storeBytes(of: byte, toByteOffset: 4096 + Int(head) % size, as: UInt8.self)
        head += 1
      }
      publish()
      return true
    }
  }

  private static func decoder() throws -> PerfRecordDecoder {
    let type = PerfRecordLayout.tid | PerfRecordLayout.time
    return PerfRecordDecoder(layout: try #require(PerfRecordLayout(sampleType: type, registerMask: 0)))
  }

  /// A name of some length, so that records differ in size.
  private static func record(at time: UInt64, length: Int) -> [UInt8] {
    var record = RecordBuilder(type: 3)
    record.add(UInt64(1) << 32 | 1)
    record.add(text: String(repeating: "n", count: length))
    record.add(UInt64(1) << 32 | 1)
    record.add(time)
    return record.finished
  }

  @Test func recordsComeOutAsTheyWentInWhereverTheRingEnds() throws {
    let fake = try FakeRing()
    var ring = try PerfRing(mapping: fake.file, size: fake.size)
    let decoder = try Self.decoder()
    var random = SplitMix64(state: 1)
    var written: [[UInt8]] = []
    var read: [[UInt8]] = []
    for time in 1...400 as ClosedRange<UInt64> {
      let record = Self.record(at: time, length: Int.random(in: 0...60_000, using: &random))
      while !fake.write(record) {
        ring.refresh()
        while let next = ring.peek() {
          read.append(Array(next))
          ring.advance(next.count)
        }
        ring.release()
        #expect(fake.tail == fake.head)
      }
      written.append(record)
    }
    ring.refresh()
    while let next = ring.peek() {
      read.append(Array(next))
      ring.advance(next.count)
    }
    #expect(read == written)
    #expect(fake.head > UInt64(fake.size) * 8)
    #expect(read.map { $0.withUnsafeBytes(decoder.timestamp) } == (1...400).map { $0 })
    #expect(ring.malformed == 0)
  }

  @Test func roomIsGivenBackWhileTheRestIsRead() throws {
    let fake = try FakeRing()
    var ring = try PerfRing(mapping: fake.file, size: fake.size)
    while fake.write(Self.record(at: 1, length: 1000)) {}
    ring.refresh()
    while let next = ring.peek(), ring.peek() != nil, fake.tail == 0 { ring.advance(next.count) }
    #expect(fake.tail > 0 && fake.tail < fake.head)
  }

  @Test(arguments: [0, 7, 9, 65_535] as [UInt16])
  func aLengthThatMakesNoSenseCostsWhatIsThereAndNoMore(_ length: UInt16) throws {
    let fake = try FakeRing()
    var ring = try PerfRing(mapping: fake.file, size: fake.size)
    var record = Self.record(at: 1, length: 100)
    withUnsafeBytes(of: length) { record.replaceSubrange(6..<8, with: $0) }
    #expect(fake.write(record))
    ring.refresh()
    #expect(ring.peek() == nil)
    #expect(ring.malformed == 1)
    #expect(fake.tail == fake.head)
    let good = Self.record(at: 2, length: 100)
    #expect(fake.write(good))
    ring.refresh()
    #expect(ring.peek().map { Array($0) } == good)
  }

  @Test func aHeadBeyondTheRingIsNotFollowed() throws {
    let fake = try FakeRing()
    var ring = try PerfRing(mapping: fake.file, size: fake.size)
    fake.head = UInt64(fake.size) + 8
    fake.publish()
    ring.refresh()
    #expect(ring.peek() == nil)
    #expect(ring.malformed == 1)
  }

  /// Every record once, in order of time over all rings, each drain up to its limit.
  @Test func ringsAreReadAsOneStreamInOrderOfTime() throws {
    let decoder = try Self.decoder()
    let fakes = try (0..<4).map { _ in try FakeRing() }
    var table = PerfRingTable(ringCount: 4, totalBytes: 0)
    for (index, fake) in fakes.enumerated() {
      try table.attach(fake.file, cpu: index / 2, source: index % 2 == 0 ? .switchOut : .clock)
    }
    var random = SplitMix64(state: 2)
    var times: [UInt64] = []
    for time in 1...3_000 as ClosedRange<UInt64> {
      #expect(fakes[Int.random(in: 0..<4, using: &random)].write(Self.record(at: time, length: 100)))
      guard time % 500 == 0 else { continue }
      table.refresh(decoder)
      while let next = table.next(before: time - 100) {
        #expect(decoder.timestamp(next.record) == next.timestamp)
        times.append(next.timestamp)
        table.advance(over: next.record, decoder)
      }
      table.release()
      #expect(times == (1..<time - 100).map { $0 })
    }
    #expect(table.malformed == 0)
  }
}
