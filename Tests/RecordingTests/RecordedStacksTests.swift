import Aggregator
import Foundation
import Report
import Session
import Testing
import TraceFile
import TraceFormat
import TraceModel
import TraceTestSupport
import Unwinder

@testable import kdelay_ftrace

/// A perf.data file beside recorded pages: slow syscalls get their stacks from it.
struct RecordedStacksTests {
  private static let fixture = Fixture(kernel: "6.1-cloud", scenario: "mixed")
  private static let (kernelAddress, userAddress): (UInt64, UInt64) = (0xFFFF_FFFF_8100_0010, 0x4010_0000)

  private func withCopy<Result>(_ body: (String) throws -> Result) throws -> Result {
    let root = FileManager.default.temporaryDirectory.appending(path: "pages-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    let kernel = Fixture.root.appending(path: Self.fixture.kernel)
    try FileManager.default.copyItem(at: kernel.appending(path: Self.fixture.scenario), to: root)
    for file in ["header_page", "formats", "kernel"] {
      try FileManager.default.copyItem(at: kernel.appending(path: file), to: root.appending(path: file))
    }
    return try body(root.path)
  }

  private func report(_ directory: String) throws -> WindowResult {
    let capture = try RecordedCapture.open(directory)
    let facts = RecordedFacts(try capture.tasks(), begin: capture.begin)
    var settings = SessionSettings(targets: [NamedProcess(pid: facts.process, name: facts.processName)])
    settings.slowSyscalls = SyscallEventFilter(threshold: 10_000, skipsPoll: false)
    settings.stacks = StackSettings(user: .dwarf, kernel: true, dumpSize: 8192, depth: 64, limit: 64)
    var stacks: RecordedStacks?
    if let samples = try capture.samples() { stacks = RecordedStacks(samples, kallsyms: []) }
    var session = RecordedSession(capture, settings, facts, stacks)
    var results: [WindowResult] = []
    try session.run { result, _ in results.append(result) }
    return try #require(results.first)
  }

  /// A sample of a switch, as perf writes it with `-k mono -e sched:sched_switch --call-graph dwarf`.
  private func recording(of tid: Int32, at time: UInt64, clock: Int32 = 1) throws -> [UInt8] {
    let identifier: UInt64 = 1
    var sample = RecordBuilder(type: 9, misc: 1)
    for word in [identifier, Self.kernelAddress] { sample.add(word) }
    sample.add(tid)
    sample.add(tid)
    for word in [time, 0] { sample.add(word) }
    // The call chain: a marker for the kernel's part, and one address of it. Then the registers' ABI (64 bits), sp and ip.
    for word in [2, UInt64(bitPattern: -128), Self.kernelAddress, 2, 0x7FFF_0000, Self.userAddress] { sample.add(word) }
    // The stack: 16 bytes, of which 16 were there.
    for word in [16, 0, 0, 16] as [UInt64] { sample.add(word) }
    let records = sample.finished
    let id = try Fixture.format(Self.fixture.kernel, .init("sched", "sched_switch")).id
    var attributes = [UInt8](repeating: 0, count: 128)
    func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
      withUnsafeBytes(of: value.littleEndian) { attributes.replaceSubrange(offset..<offset + $0.count, with: $0) }
    }
    set(UInt32(2), at: 0)
    set(UInt64(id), at: 8)
    // PERF_SAMPLE_…: IP, TID, TIME, CALLCHAIN, CPU, REGS_USER, STACK_USER, IDENTIFIER.
    let sampleType: UInt64 = 0x130A7
    set(sampleType, at: 24)
    // use_clockid and sample_id_all; then the registers sp and ip.
    let (flags, registers): (UInt64, UInt64) = (0x204_0000, 0x180)
    set(flags, at: 40)
    set(registers, at: 80)
    set(UInt32(16), at: 88)
    set(clock, at: 92)
    var file = Array("PERFILE2".utf8)
    func add(_ words: [UInt64]) { for word in words { withUnsafeBytes(of: word.littleEndian) { file += $0 } } }
    let start: UInt64 = 104 + 8 + 144
    add([104, 144, 112, 144, start, UInt64(records.count), 0, 0, 0, 0, 0, 0, identifier])
    file += attributes
    add([104, 8])
    return file + records
  }

  @Test func aSlowSyscallHasTheStacksOfTheSampleInIt() throws {
    try withCopy { root in
      let bare = try report(root)
      #expect(bare.stacks == nil && bare.slowSyscalls.allSatisfy { $0.userStack == nil && $0.kernelStack == nil })
      let slow = try #require(bare.slowSyscalls.first { !$0.waits.isEmpty })
      let wait = slow.waits[0].wait
      try Data(recording(of: slow.call.tid, at: wait.start)).write(to: URL(filePath: "\(root)/perf.data"))
      let result = try report(root)
      let same = try #require(result.slowSyscalls.first { $0.call == slow.call })
      let places = try #require(result.stacks?.places)
      #expect(places[try #require(same.userStack)].first?.address == Self.userAddress)
      #expect(places[try #require(same.kernelStack)].first?.address == Self.kernelAddress)
      #expect(result.slowSyscalls.filter { $0.userStack != nil }.count == 1)
    }
  }

  @Test func samplesOfAnotherClockAreRefused() throws {
    try withCopy { root in
      try Data(recording(of: 1, at: 1, clock: 4)).write(to: URL(filePath: "\(root)/perf.data"))
      #expect(throws: TraceFileError.self) { _ = try report(root) }
    }
  }
}
