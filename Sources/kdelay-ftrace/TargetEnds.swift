internal import SystemCalls
internal import SystemPackage
internal import TraceSource

/// Tells when the processes have ended that were the target's when the capture began.
struct TargetEnds: ~Copyable {
  /// The end of the first one is awaited; those of others are looked for.
  private let first: OwnedDescriptor
  private var hasFirstEnded = false
  /// The others, as long as they have not ended.
  private var others: [TargetProcess]

  init(_ targets: [TargetProcess]) throws(CaptureError) {
    guard let target = targets.first else {
      throw CaptureError(.noTarget, "there is no process to watch", remedy: "name one with -p PID or -- COMMAND")
    }
    first = try target.openDescriptor()
    others = Array(targets.dropFirst())
  }

  /// A descriptor that becomes readable when the first process ends; -1 once it has.
  var awaited: Int32 { hasFirstEnded ? -1 : first.descriptor.rawValue }

  /// Whether all of them have ended.
  mutating func areOver() -> Bool {
    hasFirstEnded = hasFirstEnded || first.isReadable
    guard hasFirstEnded else { return false }
    others.removeAll { !ProcessStatus.isAlive($0.pid) }
    return others.isEmpty
  }
}
