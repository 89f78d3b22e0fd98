internal import Aggregator
internal import Report
internal import TraceModel
internal import TraceSource
internal import Unwinder

/// Finds the stacks of slow syscalls, soon after they have ended, among the samples of their threads.
///
/// All samples that were taken inside a syscall show the user stack as it was at the syscall's entry. Those of switches show
/// where the kernel blocked, those of the clock what it computed.
struct SlowSyscallStacks: ~Copyable {
  /// Bytes of samples that wait for their syscalls to end.
  private static let storeBytes = 64 << 20

  private var options: StackOptions
  private let target: TargetProcess
  private var root: TargetRoot
  private let modules: ModuleTable
  private var feed: StackSampleFeed
  private var store: StackSampleStore
  private var unwinder: Unwinder
  private var code: ProcessCode
  private var table: StackTable
  private var events: [EventStacks] = []
  private var waits: [Int32] = []
  /// User stacks of the window whose code nothing is known of.
  private var unmapped = 0
  /// Why there are no perf events, where there are none.
  private var refusal: PerfEventFailure?
  /// For the mappings, where nothing tells of new ones.
  private var budget = LookBudget()
  /// What the reader must know of samples that were not taken for a while.
  private var renewalNotes: [String] = []
  private var lossBefore = StackSampleLoss()
  private var droppedBefore: UInt64 = 0
  private var instructions = SyscallInstructions()
  // Memory that is used again and again.
  private var changes: [ProcessChange] = []
  private var samples = FlatArray<StackSample>()
  private var frames = FlatArray<Frame>()
  private var places = FlatArray<StackPlace>()

  /// `threshold`: of the syscalls that are reported, ns; nil for all.
  init(_ tracefs: any TracefsAccess, _ target: TargetProcess, threshold: UInt64?, _ options: StackOptions)
    throws(CaptureError)
  {
    let sampling = StackSampling(
      threshold: threshold, stackBytes: options.user == .dwarf ? options.dumpSize : 0,
      kernelFrames: options.kernel ? 64 : 0, followsFramePointers: options.user == .framePointers)
    let root = TargetRoot(of: target)
    let modules = ModuleTable()
    let code = ProcessCode(
      modules: modules, files: TargetFiles(pid: target.pid, root: root.path, directory: ProcessDirectory.of),
      vdso: VDSO.bytes)
    feed = try StackSampleFeed(tracefs, target, sampling)
    store = Self.store(stackBytes: sampling.userBytes)
    unwinder = Unwinder(modules: modules)
    table = StackTable(limit: options.limit)
    self.options = options
    self.target = target
    self.root = root
    self.modules = modules
    self.code = code
  }

  private static func store(stackBytes: Int) -> StackSampleStore {
    StackSampleStore(byteLimit: storeBytes, largestStack: stackBytes, deepestCallchain: 64)
  }

  /// Begins to sample; to be called before syscalls are recorded.
  mutating func attach() throws(CaptureError) {
    refusal = try feed.attach(to: target, &store, changes: &changes)
    if let refusal {
      Failure.say("warning: \(refusal.what); stacks are ftrace's own, see `kdelay-ftrace doctor`")
      if options.user == .dwarf { options.user = .framePointers }
      store = Self.store(stackBytes: FtraceStackFormat.mostUserFrames * 8)
    }
    applyChanges()
    readMappings()
  }

  /// `time`: since when they have been there, ns.
  private mutating func readMappings(since time: UInt64 = MonotonicClock.now) {
    followRoot()
    code.replaceAll(CodeMapping.all(of: target.pid), at: time)
  }

  /// Looks for new mappings, if it is time.
  private mutating func lookForMappings(_ take: (inout ProcessCode, [CodeMapping]) -> Void) {
    guard let start = budget.start else { return }
    followRoot()
    take(&code, CodeMapping.all(of: target.pid))
    budget.end(since: start)
  }

  private mutating func applyChanges() {
    for change in changes { code.apply(change) }
    changes.removeAll(keepingCapacity: true)
    if let time = code.mayHaveCopies { lookForMappings { $0.addCopies($1, at: time) } }
  }

  private mutating func followRoot() {
    if root.follow() { code.change(root: root.path) }
  }

  /// Takes in the samples before `time`, ns; to be called before the syscalls up to then are looked at.
  mutating func drain(before time: UInt64) {
    // Mappings are told of some milliseconds later, when the target may be over.
    followRoot()
    if refusal != nil {
      let now = MonotonicClock.now
      lookForMappings { $0.addAll($1, at: now) }
    }
    feed.drain(before: time, into: &store, changes: &changes)
    applyChanges()
    let now = MonotonicClock.now
    let renewed = feed.renew(for: target, &store, changes: &changes)
    renewalNotes += renewed.notes.filter { !renewalNotes.contains($0) }
    if renewed.losesMappings { readMappings(since: now) }
    applyChanges()
  }

  /// See `StackSampleFeed`.
  var ringsRead: Double { feed.ringsRead }

  /// Finds the stacks of the slow syscalls that have ended since this was called last, in the same window.
  mutating func collect(_ aggregator: borrowing Aggregator) {
    while events.count < aggregator.slowSyscallCount {
      let event = aggregator.slowSyscall(at: events.count)
      samples.removeAll()
      store.take(tid: event.tid, from: event.entry, to: event.exit, into: &samples)
      var stacks = userStack(aggregator)
      var longest = (wait: UInt64(0), stack: Int32(-1))
      var (next, waited) = (0, UInt64(0))
      for index in event.firstWait..<event.firstWait + event.waitCount {
        let wait = aggregator.wait(at: index)
        let stack = kernelStack(ofSwitchBefore: wait.end, &next)
        waits.append(stack)
        let length = wait.end - wait.start
        waited += length
        if length > longest.wait { longest = (length, stack) }
      }
      let running = event.exit - event.entry - min(waited, event.exit - event.entry)
      if samples.count > 0 {
        let space = code.space(at: samples[0].timestamp)
        stacks.isCompat = instructions.isCompat(samples[0].registers, in: space, of: modules)
      }
      stacks.kernel = longest.wait >= running && longest.stack >= 0 ? longest.stack : kernelStackOfRunning()
      events.append(stacks)
    }
  }

  /// Forgets the samples of syscalls that have ended before `time`, ns, up to which events have been looked at.
  mutating func discard(_ aggregator: inout Aggregator, upTo time: UInt64) {
    store.discard { tid in
      // The sample is taken a moment before the event is recorded.
      aggregator.openSyscallStart(of: tid).map { $0 - 1 } ?? time
    }
  }

  /// The window has closed: hands over its stacks.
  mutating func take() -> PendingStacks {
    let loss = feed.loss()
    let lost = loss.since(lossBefore)
    var found = SyscallStacks()
    found.events = events
    found.waits = waits
    found.loss = lost
    found.dropped = store.dropped - droppedBefore
    found.notes = notes
    found.thresholdHelps = refusal == nil
    let pending = PendingStacks(found, of: table, modules, root: root)
    if refusal == nil, lost.mayMissChanges { readMappings() }
    unmapped = 0
    renewalNotes = []
    lossBefore = loss
    droppedBefore = store.dropped
    events.removeAll(keepingCapacity: true)
    waits.removeAll(keepingCapacity: true)
    table.removeAll()
    return pending
  }

  private var notes: [String] {
    var notes: [String] = []
    if let refusal {
      notes.append(
        "\(refusal.what): stacks are ftrace's own, with at most \(FtraceStackFormat.mostUserFrames) user frames; libraries that "
          + "were loaded where others had been can be mistaken for each other.")
      if unmapped > 0 {
        notes.append(
          "\(unmapped) user stacks have no names: the program had ended, or turned into another one, before it could be "
            + "asked what it had mapped.")
      }
    }
    notes += renewalNotes
    if options.user == .framePointers {
      notes.append("user stacks are followed along frame pointers: frames of code without them are missing.")
    }
    return notes
  }

  // MARK: One syscall

  /// Of the sample that shows most of it.
  private mutating func userStack(_ aggregator: borrowing Aggregator) -> EventStacks {
    guard options.user != .none else { return EventStacks(userEnd: .notSampled) }
    var best = -1
    for index in 0..<samples.count where best < 0 || samples[index].userStack.length > samples[best].userStack.length {
      best = index
    }
    guard best >= 0 else { return EventStacks(userEnd: .lost) }
    let sample = samples[best]
    places.removeAll()
    let end = options.user == .dwarf ? unwind(sample, aggregator) : followed(sample)
    guard places.count > 0 else { return EventStacks(userEnd: end) }
    guard let stack = table.intern(places) else { return EventStacks(userEnd: .notKept) }
    return EventStacks(user: stack, userEnd: end)
  }

  private mutating func unwind(_ sample: StackSample, _ aggregator: borrowing Aggregator) -> UserStackEnd {
    frames.removeAll()
    let calls = aggregator.returnAddresses
    let returns = calls.isEmpty ? nil : PendingReturns(calls, tid: sample.tid, at: sample.timestamp)
    let bytes = StackBytes(start: sample.registers.stackPointer ?? 0, bytes: store.userStack(of: sample))
    let end = unwinder.unwind(
      sample.registers, stack: bytes, space: code.space(at: sample.timestamp), limit: options.depth, returns: returns,
      into: &frames)
    for index in 0..<frames.count { places.append(StackPlace(frames[index])) }
    return UserStackEnd(end)
  }

  private mutating func followed(_ sample: StackSample) -> UserStackEnd {
    let chain = store.userStack(of: sample)
    let codes = stride(from: 0, to: min(chain.count, options.depth * 8), by: 8).map { offset in
      let address = chain.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      return offset == 0 ? CodeAddress.instruction(address) : .returnAddress(address)
    }.prefix { $0.address != 0 }
    if codes.isEmpty { return .lost }
    let space = code.space(at: refusal == nil ? sample.timestamp : .max)
    var isMapped = false
    for code in codes {
      // The kernel follows frame pointers past a function whose return a probe waits for; before Linux 6.11 it does not know
      // where that returns to.
      let isProbe = code.address == space.returnTrampoline
      let mapping = space.mapping(containing: isProbe ? code.address : code.lookup)
      isMapped = isMapped || mapping != nil
      places.append(StackPlace(code, mapping))
    }
    if !isMapped { unmapped += 1 }
    let most = min(options.depth, refusal == nil ? StackSampling.mostFrames : FtraceStackFormat.mostUserFrames)
    return codes.count == most ? .depthLimit : .framePointers
  }

  /// Where it blocked before it ran again at `end`: among the samples from number `next` on, the last switch before that.
  private mutating func kernelStack(ofSwitchBefore end: UInt64, _ next: inout Int) -> Int32 {
    var found = -1
    while next < samples.count, samples[next].timestamp <= end {
      if samples[next].source == .switchOut { found = next }
      next += 1
    }
    return found < 0 ? -1 : kernelStack(of: samples[found])
  }

  /// What it did on the CPU: the clock's sample from the middle, else where it was switched out last. On its way out of the
  /// kernel all syscalls look the same.
  private mutating func kernelStackOfRunning() -> Int32 {
    let clocked = (0..<samples.count).filter { samples[$0].source == .clock }
    if !clocked.isEmpty { return kernelStack(of: samples[clocked[clocked.count / 2]]) }
    return (0..<samples.count).last { samples[$0].source == .switchOut }.map { kernelStack(of: samples[$0]) } ?? -1
  }

  private mutating func kernelStack(of sample: StackSample) -> Int32 {
    let chain = store.kernelCallchain(of: sample)
    places.removeAll()
    for offset in stride(from: 0, to: chain.count, by: 8) {
      let address = chain.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      places.append(StackPlace(kernel: offset == 0 ? .instruction(address) : .returnAddress(address)))
    }
    return table.intern(places) ?? -1
  }
}

extension UserStackEnd {
  fileprivate init(_ end: StackEnd) {
    self =
      switch end {
      case .complete: .complete
      case .truncated: .truncated
      case .noInformation: .noInformation
      case .missingRegister: .missingRegister
      case .corrupt: .corrupt
      case .depthLimit: .depthLimit
      case .returnProbe: .returnProbe
      case .unsupported: .unsupported
      }
  }
}
