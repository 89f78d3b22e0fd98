internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage
internal import TraceFile
internal import TraceFormat
internal import TraceModel

/// Opens the events of a sampling, with what this kernel has of the features that older ones lack.
struct PerfEventOpener {
  private let sampling: StackSampling
  /// The numbers of the tracepoints, by source.
  private let tracepoints: [StackSampleSource: UInt64]
  let layout: PerfRecordLayout
  /// The features that are asked for: as many of KDELAY_PERF_… as the kernel has turned out to take.
  private var features: UInt32

  /// The error that opening an event of a thread on a CPU is to fail with; tests set it.
  var failure: (_ tid: Int32, _ cpu: Int) -> Errno? = { _, _ in nil }

  /// The parts of each sample. IDENTIFIER is none of them where nothing is written to a file: each source has its own ring, which
  /// says what a sample's source is.
  private static let sampleType =
    PerfRecordLayout.tid | PerfRecordLayout.time | PerfRecordLayout.cpu | PerfRecordLayout.userRegisters

  /// `followsChildren`: whether processes that a thread makes inherit its events, as its threads do. Before Linux 5.13 they
  /// always do.
  init(
    _ tracefs: any TracefsAccess, _ sampling: StackSampling, followsChildren: Bool = false
  ) throws(CaptureError) {
    self.sampling = sampling
    let inheritance = followsChildren ? 0 : KDELAY_PERF_THREADS_ONLY
    features = UInt32(KDELAY_PERF_BUILD_ID | inheritance | KDELAY_PERF_COUNT_LOST)
    var tracepoints: [StackSampleSource: UInt64] = [:]
    for source in sampling.sources {
      guard let event = Self.tracepoint(source) else { continue }
      // Not from `id`, which a kernel without perf events does not have.
      tracepoints[source] = UInt64(try EventFormat.read(tracefs, event).id)
    }
    self.tracepoints = tracepoints
    var type = Self.sampleType | (sampling.isRecorded ? PerfFileWriter.sampleType : 0)
    if sampling.kernelFrames > 0 || sampling.followsFramePointers { type |= PerfRecordLayout.callchain }
    if sampling.stackBytes > 0 { type |= PerfRecordLayout.userStack }
    let mask = RegisterArchitecture.native.kernelMask
    guard let layout = PerfRecordLayout(sampleType: type, registerMask: mask) else {
      preconditionFailure("the decoder knows the records that are asked for")
    }
    self.layout = layout
  }

  /// The tracepoint that a source's samples are taken at; nil for the clock.
  static func tracepoint(_ source: StackSampleSource) -> EventName? {
    switch source {
    case .switchOut: EventName("sched", "sched_switch")
    case .clock: nil
    case .syscallExit: EventName("raw_syscalls", "sys_exit")
    }
  }

  /// Whether reading an event says what it has lost.
  var countsLost: Bool { features & UInt32(KDELAY_PERF_COUNT_LOST) != 0 }

  /// The event of `source` for a task and those that it will create, on one CPU, enabled.
  mutating func open(_ source: StackSampleSource, tid: Int32, cpu: Int) throws(Errno) -> OwnedDescriptor {
    if let error = failure(tid, cpu) { throw error }
    while true {
      var request = request(source)
      let descriptor = kdelay_perf_open(&request, tid, Int32(cpu))
      if descriptor >= 0 { return OwnedDescriptor(FileDescriptor(rawValue: descriptor)) }
      let error = Errno(rawValue: errno)
      // EINVAL: a bit that the kernel does not know. The newest goes first.
      guard error == .invalidArgument, features != 0 else { throw error }
      features &= ~(1 << UInt32(31 - features.leadingZeroBitCount))
    }
  }

  private func request(_ source: StackSampleSource) -> kdelay_perf_request {
    var request = kdelay_perf_request()
    request.type = (source == .clock ? PERF_TYPE_SOFTWARE : PERF_TYPE_TRACEPOINT).rawValue
    request.config = tracepoints[source] ?? UInt64(PERF_COUNT_SW_TASK_CLOCK.rawValue)
    request.period = source == .clock ? sampling.clockPeriod : 1
    // Tracepoints run in the kernel: this concerns the clock.
    request.exclude_user = source == .clock
    request.sample_type = layout.sampleType
    request.user_registers = layout.registerMask
    request.user_stack = UInt32(sampling.stackBytes)
    request.frames = UInt16(sampling.followsFramePointers ? StackSampling.mostFrames : sampling.kernelFrames)
    request.exclude_kernel_frames = sampling.kernelFrames == 0
    request.exclude_user_frames = !sampling.followsFramePointers
    request.has_records = source == sampling.sources.first
    // perf with libunwind finds call frame information only in what it knows to be mapped.
    request.has_data_records = sampling.isRecorded
    request.features = features
    return request
  }

  /// The events as a perf.data file describes them, in the order of the sources.
  var descriptions: [PerfEventDescription] {
    sampling.sources.map { source in
      var request = request(source)
      let attributes = withUnsafeBytes(of: kdelay_perf_attributes(&request)) { Array($0) }
      return PerfEventDescription(
        name: Self.tracepoint(source).map(\.description) ?? "task-clock:k", attributes: attributes)
    }
  }
}
