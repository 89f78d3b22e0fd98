internal import Glibc
package import SystemPackage

/// Why the perf events of a process could not be opened.
package struct PerfEventFailure: Error, Equatable {
  package var error: Errno
  /// Whether the events were opened, but there was no memory for their samples.
  package var isOfRings = false
  /// The number of threads that events were to be opened of.
  package var threads: Int
  /// The number of descriptors that the events take.
  package var needed: Int
  /// The number of descriptors that are allowed.
  package var limit: UInt64

  /// Whether this kernel, or its policy, has no perf events for this process. Otherwise they are there, and something else
  /// is in the way that the operator can remove.
  package var isRefusal: Bool { !isOfRings && Self.refusals.contains(error) }

  private static let refusals: [Errno] = [
    .notPermitted, .permissionDenied, .noFunction, .noSuchFileOrDirectory, .notSupportedOnSocket,
  ]

  /// The words that tell of a refusal.
  package var what: String { "the kernel refuses perf events of the target (\(error))" }

  /// The failure in the operator's words.
  package var captureError: CaptureError {
    let what = "cannot sample the stacks of \(threads) thread\(threads == 1 ? "" : "s"): \(error)"
    if isOfRings, error == .notPermitted {
      return CaptureError(
        .notPermitted, "\(what) (more memory is to be locked than is allowed)",
        remedy: "raise `ulimit -l` or kernel.perf_event_mlock_kb, or run with CAP_IPC_LOCK")
    }
    if error.rawValue == EOVERFLOW {
      return CaptureError(
        .refused, what,
        remedy: "raise kernel.perf_event_max_stack to \(StackSampling.mostFrames), or use --no-kernel-stacks")
    }
    return switch error {
    case .tooManyOpenFiles:
      CaptureError(.refused, "\(what) (\(needed) wanted, \(limit) allowed)", remedy: "raise `ulimit -Hn` to \(needed)")
    case .noMemory: CaptureError(.refused, what, remedy: "free memory")
    default: CaptureError(.refused, what, remedy: "see `kdelay-ftrace doctor` for what this kernel can sample")
    }
  }
}
