internal import TraceFormat
internal import TraceModel

/// The stack samples of the target's processes without perf events: an instance of its own records each switch and each return
/// from a syscall with ftrace's option `userstacktrace`, and of switches the kernel's stack by the trigger `stacktrace`.
///
/// The kernel follows the user's frame pointers, over at most eight frames, and nothing tells of mappings.
struct FtraceStackSource: ~Copyable {
  /// The memory for the buffers of all CPUs together, KiB.
  private static let memory = 262_144

  // Fields go in this order: what keeps the instance busy before the instance.
  private var readers: RawPageReaders
  private let decoders: UnsafeMutablePointer<FtraceStackDecoder>
  private let instance: TracingInstance
  /// The number of bytes of one CPU's buffer.
  private let bufferSize: Int
  /// CPUs, by position, of which there may be more to read; memory that is used again and again.
  private var unread: [Int] = []
  private let recordsUser: Bool
  private var isRecording = false
  private var bytesRead: UInt64 = 0
  private var malformed: UInt64 = 0

  /// Creates the instance; `attach` starts it. `kernel`, `user`: which stacks are wanted.
  /// `followsChildren`: processes that the sampled ones make are sampled too.
  init(
    _ tracefs: any TracefsAccess, kernel: Bool, user: Bool, followsChildren: Bool = false
  ) throws(CaptureError) {
    let layout = try PageLayout.read(tracefs)
    let format = try FtraceStackFormat.read(tracefs)
    let bufferKiB = min(Self.memory / max(try OnlineCPUs.read().count, 1), BufferSize.defaultKiB)
    let instance = try TracingInstance.create(
      tracefs, owner: .current, purpose: .stacks, settings: BufferSettings(bufferKiB: bufferKiB))
    // The option would add the kernel's stack to each return from a syscall too, which tells nothing and costs as much as all else.
    if kernel { try instance.set("events/\(TracedEvent.contextSwitch.name.path)/trigger", "stacktrace") }
    if user { try instance.set("options/userstacktrace", "1") }
    let cpus = try instance.cpus()
    var readers = RawPageReaders(pageSize: instance.pageSize)
    try readers.add(instance, cpus: cpus)
    decoders = .allocate(capacity: cpus.count)
    for (position, cpu) in cpus.enumerated() {
      (decoders + position).initialize(
        to: FtraceStackDecoder(
          layout: layout, format: format, pids: followsChildren ? nil : [], cpu: UInt16(truncatingIfNeeded: cpu),
          expectsUser: user))
    }
    bufferSize = bufferKiB << 10
    recordsUser = user
    self.readers = readers
    self.instance = instance
  }

  deinit {
    decoders.deinitialize(count: readers.cpus.count)
    decoders.deallocate()
  }

  /// Starts to record the threads of `targets`; the filter follows those that they will create. Can be called again for further
  /// processes.
  mutating func attach(to targets: [TargetProcess]) throws(CaptureError) {
    for target in targets {
      var known: Set<Int32> = []
      while case let new = try target.newThreads(&known), !new.isEmpty { try instance.watch(tids: new) }
      for position in readers.cpus.indices { decoders[position].add(target.pid) }
    }
    guard !isRecording else { return }
    try instance.enable(TracedEvent.contextSwitch.name)
    // Its kernel stack tells nothing.
    if recordsUser { try instance.enable(TracedEvent.syscallExit.name) }
    try instance.set("tracing_on", "1")
    isRecording = true
  }

  /// Appends the samples before `limit`, ns, and some later ones, to `store`.
  ///
  /// Page by page of the CPU that is behind: a thread that moves from one to another has its samples nearly in order, which
  /// the store needs to find their places soon.
  mutating func drain(before limit: UInt64, into store: inout StackSampleStore) {
    unread.append(contentsOf: readers.cpus.indices)
    while let next = unread.indices.min(by: { decoders[unread[$0]].lastTimestamp < decoders[unread[$1]].lastTimestamp })
    {
      let position = unread[next]
      guard !decoders[position].isComplete(before: limit), let page = readers.next(at: position) else {
        decoders[position].finish(before: limit, into: &store)
        unread.swapAt(next, unread.count - 1)
        unread.removeLast()
        continue
      }
      let summary = decoders[position].decode(page, into: &store)
      bytesRead += UInt64(summary.length)
      malformed += UInt64(summary.undecodable) + (summary.status == .complete ? 0 : 1)
    }
  }

  /// What was lost so far: the kernel counts records, not samples.
  func loss() -> StackSampleLoss {
    var loss = StackSampleLoss()
    let counters = instance.counters
    let records = readers.cpus.reduce(0) { $0 + counters.overrun(cpu: $1) }
    // That the kernel makes of one sample at least.
    let recordsPerSample: UInt64 = recordsUser ? 2 : 1
    loss.switchOut = (records + recordsPerSample - 1) / recordsPerSample
    loss.malformed = malformed
    return loss
  }

  /// How much was drained so far, in buffers of one CPU.
  func ringsRead() -> Double { Double(bytesRead) / Double(bufferSize) }
}
