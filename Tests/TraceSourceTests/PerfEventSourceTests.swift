import CThreads
import Foundation
import SystemPackage
import Testing
import TraceFormat
import TraceModel

@testable import TraceSource

/// On this kernel, with threads of this very process: root and tracefs. They fail where CI is set and these are missing.
@Suite(.serialized, .enabled(if: geteuid() == 0 || ProcessInfo.processInfo.environment["CI"] != nil, "needs root"))
struct PerfEventSourceTests {
  /// A syscall as its caller clocked it, ns.
  private struct Call: Sendable {
    var name: String
    var tid: Int32
    var begin: UInt64
    var end: UInt64
  }

  /// What the threads did.
  private final class Calls: @unchecked Sendable {
    private let lock = NSLock()
    private var list: [Call] = []
    private var running = 0

    func time(_ name: String, _ body: () -> Void) {
      let begin = MonotonicClock.now
      body()
      let call = Call(name: name, tid: thread_id(), begin: begin, end: MonotonicClock.now)
      lock.withLock { list.append(call) }
    }

    func thread(_ body: @escaping @Sendable (Calls) -> Void) {
      lock.withLock { running += 1 }
      Thread.detachNewThread { [self] in
        body(self)
        lock.withLock { running -= 1 }
      }
    }

    var all: [Call]? { lock.withLock { running == 0 ? list : nil } }
  }

  private static let large = 8 << 20

  private static func allKinds(_ calls: Calls) {
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: large, alignment: 4096)
    defer { buffer.deallocate() }
    let zero = open("/dev/zero", O_RDONLY)
    defer { close(zero) }
    for _ in 0..<10 {
      calls.time("sleeping") { usleep(2000) }
      calls.time("computing") { thread_compute(buffer, 2 << 20) }
      let populated = MAP_PRIVATE | MAP_ANONYMOUS | Int32(0x8000)  // MAP_POPULATE
      let full = mmap(nil, large, PROT_READ | PROT_WRITE, populated, -1, 0)
      calls.time("unmapping") { munmap(full, large) }
      let empty = mmap(nil, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      calls.time("faulting") { _ = read(zero, empty, large) }
      munmap(empty, large)
    }
  }

  private static func pinned(_ calls: Calls) {
    thread_pin(0)
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: large, alignment: 4096)
    defer { buffer.deallocate() }
    for _ in 0..<10 { calls.time("preempted") { thread_compute(buffer, 2 << 20) } }
  }

  /// Born after the events were opened, as the thread that sleeps: all inherit theirs.
  @Test(arguments: [100_000, 1_000_000] as [UInt64])
  func everyLongSyscallHasASampleInsideOfIt(threshold: UInt64) throws {
    let tracefs = try MountedTracefs.find().tracefs
    let process = try TargetProcess.find(pid: getpid())
    var store = StackSampleStore(byteLimit: 256 << 20, largestStack: 8192)
    var changes: [ProcessChange] = []
    let sampling = StackSampling(threshold: threshold)
    var source = try PerfEventSource(tracefs, sampling: sampling)
    try source.attach(to: [process], &store, changes: &changes)
    let calls = Calls()
    for _ in 0..<2 { calls.thread(Self.pinned) }
    calls.thread(Self.allKinds)
    while calls.all == nil {
      usleep(5_000)
      source.drain(before: MonotonicClock.now - Settling.time, into: &store, changes: &changes)
    }
    usleep(10_000)
    source.drain(before: MonotonicClock.now - Settling.time, into: &store, changes: &changes)

    let long = try #require(calls.all).filter { $0.end - $0.begin >= threshold }
    #expect(Set(long.map(\.name)).isSuperset(of: ["sleeping", "computing", "preempted"]))
    // How long these take depends on the size of the machine's pages.
    if threshold == 100_000 { #expect(Set(long.map(\.name)).isSuperset(of: ["unmapping", "faulting"])) }
    #expect(source.loss().samples == 0)
    #expect(store.dropped == 0)
    var taken = FlatArray<StackSample>()
    var withoutStack = 0
    for call in long.sorted(by: { $0.end < $1.end }) {
      taken.removeAll()
      store.take(tid: call.tid, from: call.begin, to: call.end, into: &taken)
      #expect(taken.count > 0, "\(call.name), \(call.end - call.begin) ns")
      for index in 0..<taken.count { Self.expectUsable(taken[index], store) }
      if (0..<taken.count).allSatisfy({ store.userStack(of: taken[$0]).count < 64 }) { withoutStack += 1 }
    }
    // A page that the kernel is moving at that moment (compaction, khugepaged) cannot be copied.
    #expect(withoutStack <= 1 + long.count / 50, "\(withoutStack) of \(long.count)")
    #expect(changes.contains { if case .created = $0.kind { $0.pid == getpid() } else { false } })
    let living = long.map(\.tid).filter { TargetProcess.hasThread($0, of: process.pid) }
    #expect(try source.watch([(getpid(), living)]) == 0)
  }

  private static func expectUsable(_ sample: StackSample, _ store: borrowing StackSampleStore) {
    #expect(sample.pid == getpid())
    #expect(sample.registers.known.nonzeroBitCount >= 17)
    let chain = store.kernelCallchain(of: sample)
    #expect(chain.count >= 16)
    #expect(chain.loadUnaligned(as: UInt64.self) > 1 << 63)
  }

  /// Threads that were there before, more than a filter of tids could name.
  @Test func fiveHundredThreadsAreAllSampled() throws {
    let tracefs = try MountedTracefs.find().tracefs
    let calls = Calls()
    let count = 500
    let (isBorn, mayGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    for _ in 0..<count {
      calls.thread { calls in
        isBorn.signal()
        mayGo.wait()
        calls.time("sleeping") { usleep(2000) }
      }
    }
    for _ in 0..<count { isBorn.wait() }
    var store = StackSampleStore(byteLimit: 64 << 20, largestStack: 1024)
    var changes: [ProcessChange] = []
    var source = try PerfEventSource(
      tracefs, sampling: StackSampling(threshold: 1_000_000, stackBytes: 1024))
    let process = try TargetProcess.find(pid: getpid())
    try source.attach(to: [process], &store, changes: &changes)
    #expect(source.eventCount >= count * 2)
    for _ in 0..<count { mayGo.signal() }
    while calls.all == nil { usleep(5_000) }
    usleep(10_000)
    source.drain(before: MonotonicClock.now - Settling.time, into: &store, changes: &changes)
    #expect(source.loss().samples == 0)
    #expect(store.dropped == 0)
    var taken = FlatArray<StackSample>()
    for call in try #require(calls.all) {
      taken.removeAll()
      store.take(tid: call.tid, from: call.begin, to: call.end, into: &taken)
      #expect(taken.count > 0)
    }
  }

  @Test func withoutAThresholdEachReturnIsSampled() throws {
    let tracefs = try MountedTracefs.find().tracefs
    var store = StackSampleStore(byteLimit: 64 << 20, largestStack: 1024)
    var changes: [ProcessChange] = []
    let sampling = StackSampling(threshold: nil, stackBytes: 1024)
    #expect(sampling.sources == [.switchOut, .syscallExit])
    var source = try PerfEventSource(tracefs, sampling: sampling)
    let tid = thread_id()
    #expect(try source.watch([(getpid(), [tid])]) == 1)
    let begin = MonotonicClock.now
    for _ in 0..<100 { _ = getppid() }
    let end = MonotonicClock.now
    usleep(10_000)
    source.drain(before: MonotonicClock.now - Settling.time, into: &store, changes: &changes)
    var taken = FlatArray<StackSample>()
    store.take(tid: tid, from: begin, to: end, into: &taken)
    #expect(taken.elements.filter { $0.source == .syscallExit }.count >= 100)
    #expect(taken.elements.allSatisfy { $0.dumpSize == 1024 })
  }

  @Test func whatDoesNotFitIntoTheRingsIsCounted() throws {
    let tracefs = try MountedTracefs.find().tracefs
    var source = try PerfEventSource(
      tracefs, sampling: StackSampling(threshold: nil, stackBytes: 32 << 10), ringBytes: 0)
    #expect(try source.watch([(getpid(), [thread_id()])]) == 1)
    let calls = 2000
    for _ in 0..<calls { _ = getppid() }
    var store = StackSampleStore(byteLimit: 64 << 20, largestStack: 32 << 10)
    var changes: [ProcessChange] = []
    source.drain(before: MonotonicClock.now, into: &store, changes: &changes)
    #expect(source.loss().syscallExit > 0)
    #expect(source.loss().syscallExit + store.appended >= UInt64(calls))
  }

  @Test func mappingsNamesAndThreadsAreTold() throws {
    let tracefs = try MountedTracefs.find().tracefs
    var store = StackSampleStore(byteLimit: 1 << 20, largestStack: 1024)
    var changes: [ProcessChange] = []
    var source = try PerfEventSource(tracefs, sampling: StackSampling(threshold: 1_000_000))
    #expect(try source.watch([(getpid(), [thread_id()])]) == 1)
    let path = "/proc/self/exe"
    let file = open(path, O_RDONLY)
    let code = mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0)
    munmap(code, 4096)
    close(file)
    let calls = Calls()
    calls.thread { _ in
      thread_set_name("renamed")
      usleep(1000)
    }
    while calls.all == nil { usleep(1000) }
    usleep(10_000)
    source.drain(before: MonotonicClock.now, into: &store, changes: &changes)
    let start = UInt64(UInt(bitPattern: code))
    let mapping = changes.compactMap { change -> CodeMapping? in
      if case .mapped(let mapping) = change.kind, mapping.start == start { mapping } else { nil }
    }.first
    #expect(mapping?.length == 4096)
    #expect(mapping.map { !$0.buildID.isEmpty || $0.inode != 0 } == true)
    let names = changes.map(\.kind)
    #expect(names.contains(.renamed("renamed", byExec: false)))
    #expect(names.contains(.exited))
    #expect(changes.map(\.timestamp) == changes.map(\.timestamp).sorted())
  }

  private static let hasSeveralCPUs = sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1

  /// Lets the highest CPU be one that comes online later.
  private func takeLastCPU(from source: inout PerfEventSource) throws -> Int {
    let last = source.cpus.popLast()
    return try #require(last)
  }

  @Test(.enabled(if: hasSeveralCPUs)) func aCPUThatRefusesEventsIsTriedOnceAndNothingStaysOpen() throws {
    let tracefs = try MountedTracefs.find().tracefs
    var store = StackSampleStore(byteLimit: 1 << 20, largestStack: 1024)
    var changes: [ProcessChange] = []
    var source = try PerfEventSource(
      tracefs, sampling: StackSampling(threshold: 1_000_000), ringBytes: 0)
    let last = try takeLastCPU(from: &source)
    let process = try TargetProcess.find(pid: getpid())
    let calls = Calls()
    let mayGo = DispatchSemaphore(value: 0)
    for _ in 0..<4 { calls.thread { _ in mayGo.wait() } }
    defer { for _ in 0..<4 { mayGo.signal() } }
    try source.attach(to: [process], &store, changes: &changes)
    let (before, rings) = (source.eventCount, source.ringBytes)
    // The first threads' events can be opened.
    nonisolated(unsafe) var tries: [Int32] = []
    source.opener.failure = { tid, cpu in
      guard cpu == last else { return nil }
      tries.append(tid)
      return Set(tries).count > 2 ? .tooManyOpenFiles : nil
    }
    let first = source.followCPUs(&store, changes: &changes)
    #expect(first.came.isEmpty && first.failure?.error == .tooManyOpenFiles)
    #expect(Set(tries).count == 3)
    #expect(source.eventCount == before && source.ringBytes == rings)
    source.nextCPUCheck = 0
    let second = source.followCPUs(&store, changes: &changes)
    #expect(second.came.isEmpty && second.failure == nil)
    #expect(Set(tries).count == 3)
    // It goes offline and comes again.
    source.onlineCPUs = { [] }
    source.nextCPUCheck = 0
    _ = source.followCPUs(&store, changes: &changes)
    source.onlineCPUs = { (try? OnlineCPUs.read()) ?? [] }
    source.opener.failure = { _, _ in nil }
    source.nextCPUCheck = 0
    #expect(source.followCPUs(&store, changes: &changes).came == [last])
    #expect(source.eventCount > before && source.ringBytes > rings)
  }

  /// Each has one event per source there: a thread that its creator gave it before is not listed for another.
  @Test(.enabled(if: hasSeveralCPUs)) func threadsBornWhileACPUComesAreSampledThereOnce() throws {
    let tracefs = try MountedTracefs.find().tracefs
    var store = StackSampleStore(byteLimit: 1 << 20, largestStack: 1024)
    var changes: [ProcessChange] = []
    var source = try PerfEventSource(
      tracefs, sampling: StackSampling(threshold: 1_000_000), ringBytes: 0)
    let last = try takeLastCPU(from: &source)
    let process = try TargetProcess.find(pid: getpid())
    try source.attach(to: [process], &store, changes: &changes)
    let (calls, mayGo) = (Calls(), DispatchSemaphore(value: 0))
    let this = thread_id()
    nonisolated(unsafe) var opened: [Int32: Int] = [:]
    nonisolated(unsafe) var (early, late): (Int32?, Int32?)
    func birth() -> Int32 {
      nonisolated(unsafe) var tid: Int32 = 0
      let isBorn = DispatchSemaphore(value: 0)
      calls.thread { _ in
        tid = thread_id()
        isBorn.signal()
        mayGo.wait()
      }
      isBorn.wait()
      return tid
    }
    // Of a thread of this one's before it has its event, and of one after: the list of threads was read before both.
    source.opener.failure = { tid, cpu in
      guard cpu == last else { return nil }
      if tid == this, early == nil { early = birth() }
      if tid != this, early != nil, late == nil { late = birth() }
      opened[tid, default: 0] += 1
      return nil
    }
    defer { for _ in 0..<2 { mayGo.signal() } }
    #expect(source.followCPUs(&store, changes: &changes).came == [last])
    #expect(opened[this] == source.sampling.sources.count)
    #expect(opened[try #require(early)] == source.sampling.sources.count)
    #expect(opened[try #require(late)] == nil)
  }
}
