import CThreads
import Foundation
import Testing
import TraceFormat
import TraceModel

@testable import TraceFile
@testable import TraceSource

/// On this kernel, with threads of this very process: root and tracefs. They fail where CI is set and these are missing.
@Suite(.serialized, .enabled(if: geteuid() == 0 || ProcessInfo.processInfo.environment["CI"] != nil, "needs root"))
struct PerfRecordingTests {
  /// What a sample is known by.
  private static func words(_ store: inout StackSampleStore, _ tids: Set<Int32>) -> [String] {
    var found = FlatArray<StackSample>()
    for tid in tids.sorted() { store.take(tid: tid, from: 0, to: .max, into: &found) }
    return (0..<found.count).map { index in
      let sample = found[index]
      let stack = store.userStack(of: sample).reduce(into: 5381 as UInt64) { $0 = $0 &* 33 &+ UInt64($1) }
      let chain = store.kernelCallchain(of: sample).reduce(into: 5381 as UInt64) { $0 = $0 &* 33 &+ UInt64($1) }
      return "\(sample.timestamp) \(sample.tid) \(sample.cpu) \(sample.source) \(sample.registers) \(stack) \(chain)"
    }
  }

  @Test func theFileHoldsWhatWasDrained() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "recorded-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let path = directory.appending(path: "perf.data").path
    let tracefs = try MountedTracefs.find().tracefs
    var sampling = StackSampling(threshold: 1_000_000)
    sampling.isRecorded = true
    var source = try PerfEventSource(tracefs, sampling: sampling)
    let buildID = (1...20).map { UInt8($0) }
    try source.record(to: path) { mapping, _ in mapping.path.hasPrefix("/") ? buildID : [] }
    var live = StackSampleStore(byteLimit: 64 << 20, largestStack: 8192)
    var changes: [ProcessChange] = []
    try source.attach(to: [try TargetProcess.find(pid: getpid())], &live, changes: &changes)
    let isDone = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var tid: Int32 = 0
    Thread.detachNewThread {
      tid = thread_id()
      for _ in 0..<50 { usleep(500) }
      isDone.signal()
    }
    isDone.wait()
    usleep(10_000)
    source.drain(before: MonotonicClock.now - Settling.time, into: &live, changes: &changes)
    let loss = source.loss()
    try source.finishRecording()

    var read = StackSampleStore(byteLimit: 64 << 20, largestStack: 8192)
    var readChanges: [ProcessChange] = []
    let switchID = try Int(tracefs.read("events/sched/sched_switch/id").trimmingCharacters(in: .whitespacesAndNewlines))
    var samples = try RecordedSamples(path, switchID: switchID, exitID: nil)
    try samples.drain(before: .max, into: &read, changes: &readChanges)
    #expect(samples.loss == loss)
    #expect(read.appended == live.appended)
    let words = Self.words(&live, [tid])
    #expect(words.count >= 50)
    #expect(Self.words(&read, [tid]) == words)
    #expect(changes.allSatisfy { readChanges.contains($0) })
    // What there was before.
    let first = readChanges.filter { $0.timestamp == 0 }
    #expect(first.contains { $0.kind == .renamed(ProcessStatus.read(pid: getpid())?.name ?? "", byExec: false) })
    #expect(
      first.contains {
        if case .mapped(let mapping) = $0.kind {
          mapping.path.contains("libc.so") && mapping.buildID == buildID
        } else {
          false
        }
      })
  }

  @Test func buildIDsAreFoundAmongNotes() {
    let note: [UInt8] = [4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0] + Array("GNU\0".utf8) + [1, 2, 3]
    let other: [UInt8] = [5, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0] + Array("Xen-\0\0\0\0".utf8) + [9, 9, 0, 0]
    #expect(KernelImage.buildID(inNotes: other + note) == [1, 2, 3])
    for count in 0..<(other + note).count {
      #expect(KernelImage.buildID(inNotes: Array((other + note).prefix(count))) == nil)
    }
    #expect(KernelImage.buildID(inNotes: [UInt8](repeating: 0xFF, count: 64)) == nil)
  }

  @Test func theKernelsPartsAreFound() {
    let symbols = "0 A x\nffffffff81000000 T _text\nffffffff81000000 T _stext\nffffffff82000000 T _etext\n"
    let image = KernelImage(symbols: Array(symbols.utf8), modules: "ext4 4096 1 - Live 0xffffffffc0000000\nbad\n")
    #expect(
      image.parts == [
        .init(
          path: "[kernel.kallsyms]_text", start: 0xFFFF_FFFF_8100_0000, length: 0x100_0000,
          reference: 0xFFFF_FFFF_8100_0000),
        .init(path: "[ext4]", start: 0xFFFF_FFFF_C000_0000, length: 4096),
      ])
    #expect(KernelImage(symbols: Array("0 T _text\n0 T _etext\n".utf8), modules: "").parts.isEmpty)
  }
}
