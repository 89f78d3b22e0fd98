import Testing
import TraceModel

@testable import Aggregator

/// On which side of the syscall boundary time is booked: never by inference.
struct ModeTests {
  /// Before its first event nobody knows the thread's mode; it may sleep in a page fault, a freezer or a signal's delivery.
  @Test(arguments: [Int32(1), 2, 4]) func aSleepProvesNoSyscall(_ state: Int32) {
    var script = Script(threads: [7], windowFrom: 100)
    script.switchTask(from: 7, state: state, to: 0, at: 110)
    script.wake(7, at: 150)
    script.switchTask(from: 0, to: 7, at: 155)
    script.switchTask(from: 7, to: 3, at: 170)
    let spent = script.finish(at: 200).thread(7).spent
    #expect(spent[.syscall] == nil && spent[.user] == nil && spent[.unknown] == 10 + 15)
  }

  /// The first syscall event tells of all the time on a CPU before it, across any sleep.
  @Test(arguments: [true, false]) func theNextSyscallEventTellsOfTheTimeBeforeASleepToo(_ isEntry: Bool) {
    var script = Script(threads: [7], windowFrom: 100)
    script.switchTask(from: 7, state: 1, to: 0, at: 110)
    script.wake(7, at: 150)
    script.switchTask(from: 0, to: 7, at: 155)
    if isEntry { script.enter(7, 39, at: 170) } else { script.leave(7, 39, at: 170) }
    let spent = script.finish(at: 170).thread(7).spent
    #expect(spent == [isEntry ? .user : .syscall: 10 + 15, .blockedInterruptible: 40, .ready: 5])
  }

  @Test func aDeathProvesNoSyscall() {
    for isSwitch in [true, false] {
      var script = Script(threads: [7], windowFrom: 100)
      if isSwitch { script.switchTask(from: 7, state: 0x10, to: 0, at: 150) } else { script.exit(7, at: 150) }
      #expect(script.finish(at: 200).thread(7).spent == [.unknown: 50])
    }
    var script = Script(threads: [7], windowFrom: 100)
    script.leave(7, 0, at: 110)
    script.exit(7, at: 150)  // killed amid its own code
    #expect(script.finish(at: 200).thread(7).spent == [.syscall: 10, .user: 40])
  }

  @Test func syscallsOfProbesAreNoneOfTheThreads() {
    let filter = SyscallEventFilter(threshold: nil, skipsPoll: false)
    for number in [Int32(335), 336] {
      var script = Script()
      script.aggregator = Aggregator(abi: .x86_64, syscallEvents: filter)
      script.aggregator.observe(ThreadObservation(pid: 1, tid: 7, name: 0, state: .runnable, mode: .unknown), at: 0)
      script.aggregator.startWindow(at: 100)
      script.enter(7, number, at: 110)
      script.softIRQ(on: 7, 1, at: 112)
      script.endSoftIRQ(on: 7, 1, at: 115)
      script.leave(7, -1, returning: -22, at: 120)  // the kernel has put the function's own registers back
      script.enter(7, 39, at: 130)
      script.leave(7, 39, at: 140)
      let snapshot = script.finish(at: 150)
      let thread = snapshot.thread(7)
      #expect(thread.syscalls.map(\.number) == [39] && snapshot.calls.map(\.number) == [39])
      #expect(thread.probes.count == 1 && thread.probes.total == 10)
      #expect(thread.spent == [.user: 37, .softIRQ: 3, .syscall: 10])
    }
  }

  /// A kernel whose probes make no such syscall answers it with ENOSYS, and then the program made it.
  @Test func aNumberOfProbesThatTheKernelDoesNotKnowIsTheProgramsCall() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 335, at: 110)
    script.leave(7, 335, returning: -38, at: 120)
    script.leave(7, 39, at: 130)
    let thread = script.finish(at: 150).thread(7)
    #expect(thread.probes.count == 0 && thread.syscall(335)?.errors == 1 && thread.spent[.syscall] == 10)
  }

  /// What it "returns" is whatever the interrupted code had in its register.
  @Test func aReturnFromASignalIsNeverAnError() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 15, at: 110)
    script.leave(7, -1, returning: -22, at: 120)
    let syscall = script.finish(at: 150).thread(7).syscall(15)
    #expect(syscall?.durations.count == 1 && syscall?.errors == 0)
  }

  @Test func otherNumberingsHaveNoSyscallsOfProbes() {
    var script = Script()
    script.aggregator = Aggregator(abi: .i386)
    script.aggregator.observe(ThreadObservation(pid: 1, tid: 7, name: 0, state: .runnable, mode: .unknown), at: 0)
    script.aggregator.startWindow(at: 100)
    script.enter(7, 335, at: 110)
    script.leave(7, 335, at: 120)
    let thread = script.finish(at: 150).thread(7)
    #expect(thread.syscall(335)?.durations.count == 1 && thread.probes.count == 0)
  }

  /// A number between 336 and 424 is no 64-bit call's: where it did not fail, it was made by `int $0x80`.
  @Test(arguments: [(Int64(8), SyscallABI.i386), (-38, .x86_64)])
  func aNumberOfNo64BitCallIsA32BitOnes(_ result: Int64, _ abi: SyscallABI) {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 355, at: 110)
    script.leave(7, 355, returning: result, at: 120)
    script.enter(7, 12, at: 130)
    script.leave(7, 12, at: 140)
    let snapshot = script.finish(at: 150)
    #expect(snapshot.thread(7).syscall(355)?.abi == abi && snapshot.thread(7).syscall(12)?.abi == .x86_64)
    #expect(snapshot.processesWithCompatCalls == (abi == .i386 ? [1] : []))
  }

  @Test func aProbesSyscallAtAWindowsEdgeBelongsToNone() {
    var script = Script(threads: [7], windowFrom: 100)
    script.enter(7, 335, at: 110)
    #expect(script.finish(at: 120).thread(7).probes.count == 0)
    script.aggregator.startWindow(at: 120)
    script.leave(7, -1, returning: -22, at: 130)
    script.enter(7, 39, at: 140)
    script.leave(7, 39, at: 145)
    let thread = script.finish(at: 150).thread(7)
    #expect(thread.probes.count == 0 && thread.syscalls.map(\.number) == [39] && thread.spent[.user] == 25)
  }
}

/// Threads that the kernel makes for itself in the target's process, as io_uring's workers.
struct WorkerTests {
  @Test func aWorkerIsUnknownUntilTheFilterHoldsItAndInTheKernelFromThenOn() {
    var script = Script(threads: [7], windowFrom: 100)
    script.newTask(by: 7, 8, isWorker: true, at: 110)
    script.switchTask(from: 7, to: 8, at: 115)  // seen since the other one is in the filter
    let unfiltered = script.aggregator.takeUnfiltered()
    let again = script.aggregator.takeUnfiltered()
    #expect(unfiltered == [8] && again.isEmpty)
    script.aggregator.refiltered(tid: 8, at: 140)
    script.aggregator.observe(
      ThreadObservation(pid: 1, tid: 8, name: 5, state: .interruptible, mode: .user, isWorker: true), at: 150)
    script.wake(8, at: 170)
    script.switchTask(from: 0, to: 8, at: 172)
    script.switchTask(from: 8, state: 1, to: 0, at: 175)
    let snapshot = script.finish(at: 200)
    let thread = snapshot.thread(8)
    #expect(thread.spent == [.unknown: 30, .blockedInterruptible: 30 + 25, .ready: 2, .syscall: 3])
    #expect(thread.name == 5 && snapshot.discardedIntervals == 0)
  }

  /// CLONE_UNTRACED is a flag of clone(2), too.
  @Test func aProgramsOwnUntracedThreadIsNoWorker() {
    var script = Script(threads: [7], windowFrom: 100)
    script.newTask(by: 7, 8, isWorker: true, at: 110)
    script.aggregator.refiltered(tid: 8, at: 140)
    script.aggregator.observe(ThreadObservation(pid: 1, tid: 8, name: 5, state: .runnable, mode: .unknown), at: 150)
    script.switchTask(from: 8, to: 3, at: 170)
    let spent = script.finish(at: 200).thread(8).spent
    #expect(spent[.syscall] == nil && spent[.unknown] == 30 + 30 && spent[.ready] == 30)
  }

  @Test func aThreadThatNobodySawComeIsOutsideTheFilterToo() {
    var script = Script(threads: [7], windowFrom: 100)
    script.loseEvents(5, from: 110, to: 120, cpu: 0)
    script.aggregator.reconcile(
      alive: [7, 8].map { ThreadObservation(pid: 1, tid: $0, name: 0, state: .interruptible, mode: .unknown) }, at: 130)
    let unfiltered = script.aggregator.takeUnfiltered()
    #expect(unfiltered == [8])
  }
}
