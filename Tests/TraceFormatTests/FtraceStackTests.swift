import Glibc
import TestSupport
import Testing
import TraceModel
import TraceTestSupport

@testable import TraceFormat

/// Stacks as ftrace records them: of real kernels, and on pages made by hand.
struct FtraceStackTests {
  private struct Taken: Equatable {
    var tid: Int32
    var timestamp: UInt64
    var source: StackSampleSource
    var kernel: [UInt64]
    var user: [UInt64]
  }

  private static func format(_ kernel: String) throws -> FtraceStackFormat {
    try FtraceStackFormat(
      switchOut: Fixture.format(kernel, TracedEvent.contextSwitch.name),
      syscallExit: Fixture.format(kernel, TracedEvent.syscallExit.name),
      kernelStack: Fixture.format(kernel, EventName("ftrace", "kernel_stack")),
      userStack: Fixture.format(kernel, EventName("ftrace", "user_stack")))
  }

  /// The samples of the threads `tids` in `pages`, and what of the pages was not understood.
  private func decode(_ kernel: String, pid: Int32, _ pages: [[UInt8]], tids: [Int32]) throws -> ([Taken], Int) {
    let layout = try PageLayout(headerPage: Fixture.text(kernel, "header_page"))
    var decoder = FtraceStackDecoder(layout: layout, format: try Self.format(kernel), pids: [pid], cpu: 3)
    var store = StackSampleStore(byteLimit: 4 << 20, largestStack: 64, deepestCallchain: 64)
    var undecodable = 0
    for page in pages {
      let summary = page.withUnsafeBytes { decoder.decode($0, into: &store) }
      undecodable += summary.undecodable + (summary.status == .complete ? 0 : 1)
    }
    decoder.finish(before: .max, into: &store)
    var samples = FlatArray<StackSample>()
    for tid in tids { store.take(tid: tid, from: 0, to: .max, into: &samples) }
    let taken = (0..<samples.count).map { index in
      let sample = samples[index]
      return Taken(
        tid: sample.tid, timestamp: sample.timestamp, source: sample.source,
        kernel: Array(store.kernelCallchain(of: sample).bindMemory(to: UInt64.self)),
        user: Array(store.userStack(of: sample).bindMemory(to: UInt64.self)))
    }
    return (taken, undecodable)
  }

  /// The workload makes twelve calls and sleeps, 25 times.
  @Test(arguments: Fixture.stacks)
  func ofRealKernels(_ fixture: Fixture) throws {
    let format = try Self.format(fixture.kernel)
    let layout = try PageLayout(headerPage: Fixture.text(fixture.kernel, "header_page"))
    let pages = try fixture.cpus.flatMap { try fixture.pages(cpu: $0) }
    var events: [(time: UInt64, tid: Int32, source: StackSampleSource)] = []
    for page in pages {
      page.withUnsafeBytes { bytes in
        var records = PageRecords(bytes, layout)
        while let record = records.next() {
          let tid = record.start.loadUnaligned(fromByteOffset: 4, as: Int32.self)
          let source = format.sources[Int(record.start.loadUnaligned(as: UInt16.self))]
          if let source { events.append((records.time, tid, source)) }
        }
      }
    }
    events.sort { $0.time < $1.time }
    // The first return from a syscall is the workload's own, from `read`.
    let target = try #require(events.first { $0.source == .syscallExit }).tid
    let (samples, undecodable) = try decode(fixture.kernel, pid: target, pages, tids: [target])
    #expect(undecodable == 0)
    let expected = events.filter { $0.tid == target }.map(\.source)
    #expect(samples.count == expected.count && zip(samples, expected).allSatisfy { $0.source == $1 })
    #expect(samples.count { $0.source == .syscallExit } > 25 * 13)
    #expect(samples.allSatisfy { $0.kernel.isEmpty == ($0.source == .syscallExit) })
    #expect(samples.allSatisfy { $0.kernel.allSatisfy { $0 >> 47 == 0x1FFFF } })
    // The C library's start uses the frame pointer's register otherwise: what follows the innermost is anything there.
    #expect(samples.dropFirst().allSatisfy { $0.user.first.map { $0 >> 47 == 0 } ?? false })
    // A syscall that slept shows the same place in the program when it blocks and when it returns.
    let naps = zip(samples, samples.dropFirst()).filter { blocked, returned in
      blocked.source == .switchOut && returned.source == .syscallExit && blocked.user == returned.user
    }
    #expect(naps.count >= 25)
    #expect(naps.allSatisfy { $0.kernel != $1.kernel })
  }

  @Test func theSamplesOfOthersAreLeftOut() throws {
    let fixture = Fixture(kernel: "6.18", scenario: "stacks")
    let (samples, _) = try decode("6.18", pid: 1, fixture.pages(cpu: 0), tids: Array(0..<99_999))
    #expect(samples.isEmpty)
  }

  // MARK: By hand

  private static let pid: Int32 = 70

  /// A page with records of 6.18's formats.
  private struct Page {
    var page: HandmadePage
    let format: FtraceStackFormat

    init(at time: UInt64) throws {
      page = HandmadePage(timestamp: time)
      format = try FtraceStackTests.format("6.18")
    }

    private mutating func record(_ id: Int, tid: Int32, words: [UInt64], _ delta: UInt32) {
      page.header(type: 0, delta: delta)
      page.add(UInt32(4 + 8 + words.count * 8))
      page.add(UInt16(id))
      page.add(UInt16(0))
      page.add(tid)
      for word in words { page.add(word) }
    }

    mutating func event(_ source: StackSampleSource, tid: Int32 = pid, delta: UInt32 = 1) {
      let id = format.sources.first { $0.value == source }?.key ?? 0
      record(id, tid: tid, words: Array(repeating: 0, count: 7), delta)
    }

    mutating func kernel(_ addresses: [UInt64], tid: Int32 = pid, count: Int? = nil) {
      record(
        format.kernelStack, tid: tid, words: [UInt64(UInt32(truncatingIfNeeded: count ?? addresses.count))] + addresses,
        1)
    }

    mutating func user(_ addresses: [UInt64], tid: Int32 = pid, process: Int32 = pid) {
      let zeros = Array(repeating: UInt64(0), count: 8 - addresses.count)
      record(format.userStack, tid: tid, words: [UInt64(process)] + addresses + zeros, 1)
    }
  }

  private func decode(_ pages: [Page], tids: [Int32] = [pid]) throws -> ([Taken], Int) {
    try decode("6.18", pid: Self.pid, pages.map(\.page.bytes), tids: tids)
  }

  @Test func partsOfASampleCanBeOnDifferentPages() throws {
    var first = try Page(at: 1000)
    first.event(.switchOut)
    first.kernel([1, 2])
    var second = try Page(at: 2000)
    second.user([3, 4, 5])
    second.event(.syscallExit)
    second.user([6])
    let (samples, undecodable) = try decode([first, second])
    #expect(
      samples == [
        Taken(tid: 70, timestamp: 1001, source: .switchOut, kernel: [1, 2], user: [3, 4, 5]),
        Taken(tid: 70, timestamp: 2002, source: .syscallExit, kernel: [], user: [6]),
      ])
    #expect(undecodable == 0)
  }

  /// By the trigger the kernel's stack comes behind the user's, by the option before it.
  @Test func theOrderOfThePartsIsEither() throws {
    var first = try Page(at: 1000)
    first.event(.switchOut)
    first.user([3, 4])
    var second = try Page(at: 2000)
    second.kernel([1, 2])
    second.event(.switchOut, tid: 99)
    second.user([5], tid: 99, process: 98)
    second.kernel([6], tid: 99)
    let (samples, _) = try decode([first, second], tids: [Self.pid, 99])
    #expect(samples == [Taken(tid: 70, timestamp: 1001, source: .switchOut, kernel: [1, 2], user: [3, 4])])
  }

  @Test func stacksGoToTheSampleOfTheirThread() throws {
    var page = try Page(at: 1000)
    page.event(.syscallExit)
    // Its own stacks found no room.
    page.event(.switchOut)
    page.kernel([1])
    page.user([2])
    page.kernel([9])
    page.event(.syscallExit, tid: 71)
    page.user([8], tid: 70)
    let (samples, _) = try decode([page], tids: [70, 71])
    // Of the others nothing tells whose they are.
    #expect(samples.map(\.kernel) == [[1]])
    #expect(samples.map(\.user) == [[2]])
  }

  @Test func behindAGapNothingIsKnownOfTheOpenSample() throws {
    var first = try Page(at: 1000)
    first.event(.switchOut)
    var second = try Page(at: 2000)
    second.page.flags = 1 << 31
    second.kernel([1])
    second.user([2])
    second.event(.syscallExit)
    second.user([3])
    let (samples, undecodable) = try decode([first, second])
    #expect(samples == [Taken(tid: 70, timestamp: 2003, source: .syscallExit, kernel: [], user: [3])])
    #expect(undecodable == 0)
  }

  @Test(arguments: [-1, 3, 1 << 30])
  func aCountThatTheRecordDoesNotHoldIsRefused(_ count: Int) throws {
    var page = try Page(at: 1000)
    page.event(.switchOut)
    page.kernel([1, 2], count: count)
    page.user([3])
    let (samples, undecodable) = try decode([page])
    #expect(samples.map(\.kernel) == [[]])
    #expect(samples.map(\.user) == [[3]])
    #expect(undecodable == 1)
  }

  @Test func deepStacksAreCutOff() throws {
    var page = try Page(at: 1000)
    page.event(.switchOut)
    page.kernel((1...100).map { UInt64($0) })
    page.user([1, 2, 3, 4, 5, 6, 7, 8])
    let (samples, undecodable) = try decode([page])
    #expect(samples.map(\.kernel) == [(1...64).map { UInt64($0) }])
    #expect(samples.map(\.user) == [[1, 2, 3, 4, 5, 6, 7, 8]])
    #expect(undecodable == 0)
  }
}
