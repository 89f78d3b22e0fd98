internal import Aggregator
package import TraceModel
package import Unwinder

/// Finds the stacks of slow syscalls, soon after they have ended, among the samples of their threads.
///
/// All samples that were taken inside a syscall show the user stack as it was at the syscall's entry. Those of switches show
/// where the kernel blocked, those of the clock what it computed.
package struct SlowSyscallStacks: ~Copyable {
  /// The most bytes of samples that wait for their syscalls to end.
  private static let storeBytes = 64 << 20
  /// The deepest kernel call chain that is kept, and asked for.
  package static let kernelFrames = 64

  private var settings: StackSettings
  private let facts: any TargetFacts
  private let source: any CodeSource
  private var mappings: TargetMappings
  private var store: StackSampleStore
  private var unwinder: Unwinder
  private var table: StackTable
  private var instructions = SyscallInstructions()
  /// The number of user stacks of the window whose code nothing is known of.
  private var unmapped = 0
  /// Why stacks are ftrace's own, and how deep; nil where they are perf's.
  private var fallback: (cause: String, mostFrames: Int)?
  /// What the reader must know of samples that were not taken for a while.
  private var sourceNotes: [String] = []
  private var unsampled = UnsampledProcesses()
  private var lossBefore = StackSampleLoss()
  private var droppedBefore: UInt64 = 0
  // Memory that is used again and again.
  private var changes: [ProcessChange] = []
  private var samples = FlatArray<StackSample>()
  private var frames = FlatArray<Frame>()
  private var places = FlatArray<StackPlace>()

  /// Stacks of the slow syscalls of a session's targets. `source` has the files that the target maps as code.
  package init(_ settings: StackSettings, of session: SessionSettings, source: any CodeSource, facts: any TargetFacts) {
    store = Self.store(stackBytes: settings.sampledBytes)
    unwinder = Unwinder(source: source)
    table = StackTable(limit: settings.limit)
    self.settings = settings
    self.facts = facts
    self.source = source
    mappings = TargetMappings(
      of: session.targets.map(\.pid), followsChildren: session.followsChildren, source: source, facts: facts)
  }

  private static func store(stackBytes: Int) -> StackSampleStore {
    StackSampleStore(byteLimit: storeBytes, largestStack: stackBytes, deepestCallchain: kernelFrames)
  }

  // MARK: What the source of samples brings

  mutating func update<Failure: Error>(_ body: (inout Self) throws(Failure) -> Void) throws(Failure) { try body(&self) }

  /// Stacks are ftrace's own from now on, for `cause`, and have at most `mostFrames` user frames.
  package mutating func fallBack(because cause: String, mostFrames: Int) {
    fallback = (cause, mostFrames)
    if settings.user == .dwarf { settings.user = .framePointers }
    store = Self.store(stackBytes: mostFrames * 8)
  }

  /// Lets the source add samples to the store, and what the target did to itself to the list of changes.
  package mutating func take<Failure: Error>(
    _ body: (inout StackSampleStore, inout [ProcessChange]) throws(Failure) -> Void
  ) throws(Failure) {
    try body(&store, &changes)
    mappings.apply(changes)
    changes.removeAll(keepingCapacity: true)
    if fallback != nil { mappings.lookForNew() }
  }

  /// The source has something to say to the reader of the report.
  package mutating func note(_ notes: [String]) {
    sourceNotes += notes.filter { !sourceNotes.contains($0) }
  }

  /// Process `pid` came to the target, and its stacks cannot be sampled, for `reason`.
  package mutating func noteUnsampled(_ pid: Int32, because reason: String) { unsampled.add(pid, because: reason) }

  /// Takes in all mappings that the processes have; nothing has told of them since `time`, ns, or now.
  package mutating func readMappings(of pids: some Sequence<Int32>, since time: UInt64? = nil) {
    mappings.readAll(of: pids, since: time ?? facts.now)
  }

  /// Events have told of a process that began or ended.
  mutating func apply(_ change: TargetChange) {
    mappings.apply(change)
    switch change.kind {
    case .born(let parent): unsampled.born(change.pid, of: parent)
    case .ended: unsampled.ended(change.pid)
    }
  }

  // MARK: Slow syscalls

  /// Finds the stacks of a slow syscall that has just ended, in the window that is open.
  mutating func find(for slow: inout SlowSyscall, _ calls: ReturnAddressTable) {
    samples.removeAll()
    store.take(tid: slow.call.tid, from: slow.call.entry, to: slow.call.exit, into: &samples)
    (slow.userStack, slow.userStackEnd) = userStack(calls)
    var longest: (length: UInt64, stack: StackNumber?) = (0, nil)
    var (next, waited) = (0, UInt64(0))
    for index in slow.waits.indices {
      let wait = slow.waits[index].wait
      let stack = kernelStack(ofSwitchBefore: wait.end, &next)
      slow.waits[index].kernelStack = stack
      let length = wait.end - wait.start
      waited += length
      if length > longest.length { longest = (length, stack) }
    }
    let duration = slow.call.exit - slow.call.entry
    let running = duration - min(waited, duration)
    if samples.count > 0 {
      let space = mappings.space(of: samples[0].pid, at: samples[0].timestamp)
      slow.isCompat = instructions.isCompat(samples[0].registers, in: space, of: source)
      if slow.isCompat == true { slow.call.abi = .i386 }
    }
    slow.kernelStack = longest.length >= running && longest.stack != nil ? longest.stack : kernelStackOfRunning()
  }

  /// Finds the stacks of a thread's syscall that has not ended at `time`, ns, when the window closes.
  mutating func find(for call: inout InProgress, of tid: Int32, at time: UInt64, _ calls: ReturnAddressTable) {
    samples.removeAll()
    store.look(tid: tid, from: call.entry, to: time, into: &samples)
    // Where it has given up its CPU before it was looked at, nothing has shown its stack.
    guard samples.count > 0 else { return }
    (call.userStack, call.userStackEnd) = userStack(calls)
    let last = (0..<samples.count).last { samples[$0].source == .switchOut }
    call.kernelStack = call.state == .syscall ? kernelStackOfRunning() : last.flatMap { kernelStack(of: samples[$0]) }
  }

  /// Forgets the samples of syscalls that have ended before `time`, ns, up to which events have been looked at.
  mutating func discard(_ aggregator: inout Aggregator, upTo time: UInt64) {
    store.discard { tid in
      // The sample is taken a moment before the event is recorded.
      aggregator.openSyscallStart(of: tid).map { $0 - 1 } ?? time
    }
    mappings.forgetEnded(before: time, living: aggregator.livingProcesses)
  }

  /// The window has closed: hands over its stacks, which slow syscalls refer to by number.
  mutating func closeWindow() -> WindowStacks {
    var result = WindowStacks()
    result.places = table.removeAll()
    result.dropped = store.dropped - droppedBefore
    result.notes = notes
    result.thresholdHelps = fallback == nil
    unmapped = 0
    sourceNotes = []
    unsampled.closeWindow()
    droppedBefore = store.dropped
    return result
  }

  /// Takes in what the source has lost so far, and returns what of it was lost since this was called last. Mappings may be
  /// among it: then they are read anew.
  package mutating func note(loss: StackSampleLoss) -> StackSampleLoss {
    let new = loss.since(lossBefore)
    lossBefore = loss
    if fallback == nil, new.mayMissChanges { readMappings(of: mappings.processes) }
    return new
  }

  private var notes: [String] {
    var notes: [String] = []
    if let fallback {
      notes.append(
        "\(fallback.cause): stacks are ftrace's own, with at most \(fallback.mostFrames) user frames; libraries that "
          + "were loaded where others had been can be mistaken for each other.")
      if unmapped > 0 {
        notes.append(
          "\(unmapped) user stacks have no names: the program had ended, or turned into another one, before it could be "
            + "asked what it had mapped.")
      }
    }
    notes += sourceNotes
    if let note = unsampled.note { notes.append(note) }
    if settings.user == .framePointers {
      notes.append("user stacks are followed along frame pointers: frames of code without them are missing.")
    }
    return notes
  }

  // MARK: One syscall

  /// The user stack of a syscall, from the sample that shows most of it, and where it stops.
  private mutating func userStack(_ calls: ReturnAddressTable) -> (stack: StackNumber?, end: UserStackEnd) {
    guard settings.user != .none else { return (nil, .notSampled) }
    var best: Int?
    for index in 0..<samples.count
    where best.map({ samples[index].userStack.length > samples[$0].userStack.length }) ?? true { best = index }
    guard let best else { return (nil, .lost) }
    let sample = samples[best]
    places.removeAll()
    let end = settings.user == .dwarf ? unwind(sample, calls) : followed(sample)
    guard places.count > 0 else { return (nil, end) }
    let stack = table.intern(places)
    return (stack, stack == nil ? .notKept : end)
  }

  private mutating func unwind(_ sample: StackSample, _ calls: ReturnAddressTable) -> UserStackEnd {
    frames.removeAll()
    let returns = calls.isEmpty ? nil : PendingReturns(calls, tid: sample.tid, at: sample.timestamp)
    let bytes = StackBytes(start: sample.registers.stackPointer ?? 0, bytes: store.userStack(of: sample))
    let end = unwinder.unwind(
      sample.registers, stack: bytes, space: mappings.space(of: sample.pid, at: sample.timestamp),
      limit: settings.depth, returns: returns, into: &frames)
    for index in 0..<frames.count { places.append(StackPlace(frames[index], in: sample.pid)) }
    return UserStackEnd(end)
  }

  private mutating func followed(_ sample: StackSample) -> UserStackEnd {
    let chain = store.userStack(of: sample)
    let codes = stride(from: 0, to: min(chain.count, settings.depth * 8), by: 8).map { offset in
      let address = chain.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      return offset == 0 ? CodeAddress.instruction(address) : .returnAddress(address)
    }.prefix { $0.address != 0 }
    if codes.isEmpty { return .lost }
    let space = mappings.space(of: sample.pid, at: fallback == nil ? sample.timestamp : .max)
    var isMapped = false
    for code in codes {
      // The kernel follows frame pointers past a function whose return a probe waits for; before Linux 6.11 it does not know
      // where that returns to.
      let isProbe = code.address == space.returnTrampoline
      let mapping = space.mapping(containing: isProbe ? code.address : code.lookup)
      isMapped = isMapped || mapping != nil
      places.append(StackPlace(code, mapping, in: sample.pid))
    }
    if !isMapped { unmapped += 1 }
    let most = min(settings.depth, fallback?.mostFrames ?? StackSettings.mostCallchainFrames)
    return codes.count == most ? .depthLimit : .framePointers
  }

  /// The kernel stack where a syscall blocked before it ran again at `end`, ns: among the samples from number `next` on, that of
  /// the last switch before `end`.
  private mutating func kernelStack(ofSwitchBefore end: UInt64, _ next: inout Int) -> StackNumber? {
    var found: Int?
    while next < samples.count, samples[next].timestamp <= end {
      if samples[next].source == .switchOut { found = next }
      next += 1
    }
    return found.flatMap { kernelStack(of: samples[$0]) }
  }

  /// The kernel stack of what a syscall did on the CPU: the clock's sample from the middle, else where it was switched out last.
  /// On their way out of the kernel all syscalls look the same.
  private mutating func kernelStackOfRunning() -> StackNumber? {
    let clocked = (0..<samples.count).filter { samples[$0].source == .clock }
    if !clocked.isEmpty { return kernelStack(of: samples[clocked[clocked.count / 2]]) }
    return (0..<samples.count).last { samples[$0].source == .switchOut }.flatMap { kernelStack(of: samples[$0]) }
  }

  private mutating func kernelStack(of sample: StackSample) -> StackNumber? {
    let chain = store.kernelCallchain(of: sample)
    places.removeAll()
    for offset in stride(from: 0, to: chain.count, by: 8) {
      let address = chain.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      places.append(StackPlace(kernel: offset == 0 ? .instruction(address) : .returnAddress(address)))
    }
    return table.intern(places)
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
