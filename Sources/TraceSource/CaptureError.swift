internal import SystemPackage
internal import TraceFormat

/// Why a capture cannot be made, in the operator's words.
package struct CaptureError: Error, Equatable, CustomStringConvertible {
  /// The kind of the error, which decides the exit status.
  package enum Code: Sendable {
    /// The process is not there, or is nothing that makes syscalls.
    case noTarget
    /// Several processes could be meant.
    case ambiguousTarget
    /// The kernel refused an event or a setting, or lacks it.
    case refused
    case noTracefs
    case notPermitted
  }

  package var code: Code
  /// What failed, on what, and why.
  package var what: String
  /// What the operator can do about it.
  package var remedy: String

  package init(_ code: Code, _ what: String, remedy: String) {
    self.code = code
    self.what = what
    self.remedy = remedy
  }

  package var description: String { "\(what); \(remedy)" }

  /// A format that cannot be used, for `reason`.
  static func format(of event: EventName, _ reason: any Error) -> CaptureError {
    CaptureError(
      .refused, "cannot understand the format of event \(event): \(reason)",
      remedy: "please report this with the kernel's version")
  }

  /// A system call on a tracefs file that failed with `errno`.
  static func tracefs(_ action: String, _ path: String, _ errno: Errno) -> CaptureError {
    let what = "cannot \(action) \(path): \(errno)"
    return switch errno {
    case .permissionDenied, .notPermitted:
      CaptureError(.notPermitted, what, remedy: "run as root (or with CAP_SYS_ADMIN and access to tracefs)")
    case .noSuchFileOrDirectory:
      CaptureError(.refused, what, remedy: "this kernel lacks it; see `kdelay-ftrace doctor`")
    case .noMemory:
      CaptureError(.refused, what, remedy: "use a smaller --buffer-page-count")
    case .noSpace:
      CaptureError(.refused, what, remedy: "free memory or file system space, and try again")
    // ENOTSUPP, which is the kernel's own and has no text.
    case Errno(rawValue: 524):
      CaptureError(
        .refused, "cannot \(action) \(path): the kernel does not support that (ENOTSUPP)",
        remedy: "see `kdelay-ftrace doctor` and the kernel's log")
    default:
      CaptureError(.refused, what, remedy: "see `kdelay-ftrace doctor` and the kernel's log")
    }
  }
}
