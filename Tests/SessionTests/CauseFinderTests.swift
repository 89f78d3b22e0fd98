import Aggregator
import Testing
import TraceModel

@testable import Session

@Suite struct CauseFinderTests {
  private struct Facts: TargetFacts {
    var now: UInt64 { 0 }
    var clock: ClockPair? { nil }
    var tool: Int32? { 900 }
    func threads(of pid: Int32) -> [Int32]? { nil }
    func thread(_ tid: Int32, of pid: Int32) -> ThreadFacts? { nil }
    func hasThread(_ tid: Int32, of pid: Int32) -> Bool { false }
    func abi(of pid: Int32) -> SyscallABI? { nil }
    func name(ofTask tid: Int32) -> String? { tid == 77 ? "hog" : tid == 901 ? "kdelay-ftrace" : nil }
    func process(ofTask tid: Int32) -> Int32? { tid == 901 ? 900 : tid == 77 ? 77 : nil }
    func descendants(of pids: [Int32]) -> [DescendantProcess] { [] }
    func isAlive(_ pid: Int32) -> Bool { true }
    func codeMappings(of pid: Int32) -> [CodeMapping] { [] }
    func kernelFunction(returningTo address: UInt64) -> String? {
      ["schedule", "pipe_read", "task_work_run"][Int(address) - 1]
    }
  }

  private static func charge(
    _ state: AccountingState, _ reason: Charge.Reason, total: UInt64, _ change: (inout Charge) -> Void = { _ in }
  ) -> Charge {
    var charge = Charge(state, reason)
    charge.durations = IntervalStatistic(total)
    change(&charge)
    return charge
  }

  private static func causes(
    _ charges: [Charge], machine: MachineObservation = MachineObservation(), stacks: KernelStackTable? = nil
  ) -> ThreadCauses {
    var finder = CauseFinder(Facts())
    var thread = ThreadSnapshot(tid: 10, name: 0, pid: 10)
    thread.charges = charges
    let window = CauseFinder.Window(
      machine: machine, names: NameTable(), stacks: stacks, threads: [10: (10, "a"), 11: (10, "b")])
    return finder.causes(of: thread, abi: .x86_64, in: window) { _ in nil }
  }

  private static func stack(_ addresses: [UInt64]) -> (table: KernelStackTable, number: Int32) {
    let stacks = KernelStackTable()
    var addresses = addresses
    return (stacks, addresses.withUnsafeMutableBytes { stacks.intern(UnsafeRawBufferPointer($0)) })
  }

  @Test func whoHadTheCPUIsNamedAndToldApart() {
    let causes = Self.causes([
      Self.charge(.ready, .task, total: 50) { $0.tid = 77 },
      Self.charge(.ready, .task, total: 40) { $0.tid = 11 },
      Self.charge(.ready, .task, total: 30) { $0.tid = 901 },
      Self.charge(.ready, .interrupt, total: 20),
      Self.charge(.ready, .unknown, total: 10),
    ]).causes
    #expect(causes.map(\.kind) == [.task, .ownProcess, .task, .interrupt, .unknown])
    #expect(causes.map { $0.by?.name } == ["hog", "b", "kdelay-ftrace", nil, nil])
    #expect(causes.map { $0.by?.isTool } == [false, false, true, nil, nil])
  }

  @Test func anIdleCPUIsAQuotaOnlyWhereOneHasThrottled() {
    let charges = [Self.charge(.ready, .idleCPU, total: 50)]
    #expect(Self.causes(charges).causes.map(\.kind) == [.idleCPU])
    var machine = MachineObservation()
    machine.limits[10] = MachineObservation.ProcessLimits(path: "/a", hasQuota: true, throttledTime: 40)
    #expect(Self.causes(charges, machine: machine).causes.map(\.kind) == [.throttled])
    machine.limits[10] = MachineObservation.ProcessLimits(path: "/a", hasQuota: false, wasFrozen: true)
    #expect(Self.causes(charges, machine: machine).causes.map(\.kind) == [.frozen])
  }

  @Test func whoeverHadTheCPUAThreadThatIsThrottledWaitsForItsQuota() {
    let (stacks, number) = Self.stack([1, 3])
    let charges = [
      Self.charge(.ready, .task, total: 50) { ($0.tid, $0.stack) = (77, number) }
    ]
    var machine = MachineObservation()
    machine.limits[10] = MachineObservation.ProcessLimits(path: "/a", hasQuota: true, throttledTime: 40)
    #expect(Self.causes(charges, machine: machine, stacks: stacks).causes.map(\.kind) == [.throttled])
    // Other works of a task end so too.
    machine.limits[10]?.throttledTime = 0
    #expect(Self.causes(charges, machine: machine, stacks: stacks).causes.map(\.kind) == [.task])
  }

  @Test func anEventLoopThatIdlesIsBlamedOnNobodyUnlessItsWakerWasHeldUp() {
    func epoll(_ doing: PathPiece.Doing, interruptible: Bool = false) -> Charge {
      Self.charge(.blockedInterruptible, .wait, total: 10) {
        ($0.side, $0.syscall, $0.tid, $0.pathTID, $0.pathLength) = (.syscall, 232, 77, 77, 1)
        ($0.pathDoing, $0.pathIsInterruptible) = (doing, interruptible)
      }
    }
    #expect(Self.causes([epoll(.running)]).causes.map(\.kind) == [.idle])
    #expect(Self.causes([epoll(.blocked, interruptible: true)]).causes.map(\.kind) == [.idle])
    let held = Self.causes([epoll(.ready)]).causes
    #expect(held.map(\.kind) == [.other])
    #expect(held.first?.path?.doing == .ready)
    #expect(held.first?.syscall == "epoll_wait")
  }

  @Test func aFutexIsALockOrAWaitForWorkByItsOperation() {
    func futex(_ operation: Int32) -> Charge {
      Self.charge(.blockedInterruptible, .wait, total: 10) {
        ($0.side, $0.syscall, $0.futexOperation) = (.syscall, 202, operation)
      }
    }
    #expect(Self.causes([futex(0)]).causes.map(\.kind) == [.futex])
    #expect(Self.causes([futex(9)]).causes.map(\.kind) == [.idle])
    #expect(Self.causes([futex(-1)]).causes.map(\.kind) == [.futex])
  }

  @Test func aKernelStackTellsMoreThanTheSyscall() {
    let (stacks, number) = Self.stack([1, 2])
    let causes = Self.causes(
      [
        Self.charge(.blockedInterruptible, .wait, total: 10) { ($0.side, $0.syscall, $0.stack) = (.syscall, 0, number) }
      ],
      stacks: stacks
    ).causes
    #expect(causes.map(\.kind) == [.pipe])
    #expect(causes.map(\.place) == ["pipe_read"])
  }

  @Test func manyCausesAreFoldedAndStillAddUp() {
    let charges = (0..<500).map { number in
      Self.charge(.ready, .task, total: UInt64(number + 1)) { $0.tid = Int32(1000 + number) }
    }
    let causes = Self.causes(charges).causes
    #expect(causes.count == 65)
    #expect(causes.reduce(0) { $0 + $1.total } == 500 * 501 / 2)
  }
}
