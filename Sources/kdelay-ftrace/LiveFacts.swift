internal import Binaries
internal import Glibc
internal import TraceModel
internal import TraceSource

/// What a live capture asks the running system: /proc and the clock.
struct LiveFacts: TargetFacts {
  /// The names of the kernel's functions; nil where nobody will ask for them. They are read before the capture, since that takes
  /// a tenth of a second.
  private let kernel: KernelCode?
  private let limits = ProcessLimits()

  /// `namesKernel`: whether names of the kernel's functions will be asked for.
  init(namesKernel: Bool = false) { kernel = namesKernel ? KernelCode.read() : nil }

  var now: UInt64 { MonotonicClock.now }

  var clock: ClockPair? { .now }

  func threads(of pid: Int32) -> [Int32]? { TargetProcess.threads(of: pid) }

  func thread(_ tid: Int32, of pid: Int32) -> ThreadFacts? { ThreadFacts.read(tid, of: pid) }

  func hasThread(_ tid: Int32, of pid: Int32) -> Bool { TargetProcess.hasThread(tid, of: pid) }

  func abi(of pid: Int32) -> SyscallABI? { ImageIdentity.read(TargetProcess.executablePath(of: pid))?.abi }

  func name(ofTask tid: Int32) -> String? { ProcessStatus.read(pid: tid)?.name }

  func descendants(of pids: [Int32]) -> [DescendantProcess] { ProcessTree.descendants(of: pids) }

  func isAlive(_ pid: Int32) -> Bool { ProcessStatus.isAlive(pid) }

  func codeMappings(of pid: Int32) -> [CodeMapping] { CodeMapping.all(of: pid) }

  func process(ofTask tid: Int32) -> Int32? { ProcessStatus.process(ofTask: tid) }

  func controlGroup(of pid: Int32) -> ControlGroupFacts? { limits.read(of: pid) }

  func pressure() -> PressureFacts? { .read() }

  func kernelFunction(returningTo address: UInt64) -> String? { kernel?.function(returningTo: address) }

  func kernelFunctions(of tid: Int32, in pid: Int32) -> [String] { ProcessStatus.kernelFunctions(of: tid, in: pid) }

  func mappedFiles(of pid: Int32) -> [FileMapping] { FileMapping.all(of: pid) }

  var tool: Int32? { getpid() }
}
