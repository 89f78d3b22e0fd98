internal import SystemCalls
internal import SystemPackage
internal import TraceSource

/// Tells when the processes have ended that were the target's when the capture began.
///
/// The end of one of them is awaited at a time, so that it takes one descriptor, however many there are.
struct TargetEnds: ~Copyable {
  /// A process, and when it began, in clock ticks: its id alone can be used again.
  private struct Process {
    let process: TargetProcess
    let startTime: UInt64

    var isAlive: Bool { ProcessStatus.isAlive(process.pid, startTime: startTime) }
  }

  private var current: OwnedDescriptor?
  /// The processes whose ends are looked for once the current one's has come; the next one is the last in the list.
  private var others: [Process]

  init(_ targets: [TargetProcess]) throws(CaptureError) {
    guard let target = targets.first else {
      throw CaptureError(.noTarget, "there is no process to watch", remedy: "name one with -p PID or -- COMMAND")
    }
    current = try target.openDescriptor()
    others = targets.dropFirst().reversed().compactMap { process in
      ProcessStatus.read(pid: process.pid).map { Process(process: process, startTime: $0.startTime) }
    }
  }

  /// A descriptor that becomes readable when `areOver` is to be asked; -1 for none.
  var awaited: Int32 {
    switch current {
    case .some(let current): current.descriptor.rawValue
    case .none: -1
    }
  }

  /// Whether all of them have ended.
  mutating func areOver() -> Bool {
    while current?.isReadable ?? true {
      current = nil
      guard let next = others.last else { return true }
      var isAwaited = true
      do { current = try next.process.openDescriptor() } catch { isAwaited = false }
      // The descriptor is of the process that has the id now.
      if !next.isAlive {
        current = nil
      } else if !isAwaited {
        // No descriptor can be had: it is looked for again at the next call.
        return false
      }
      others.removeLast()
    }
    return false
  }
}
