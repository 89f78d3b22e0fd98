internal import ArgumentParser
internal import Glibc
internal import SystemPackage
internal import TraceFile
internal import TraceSource

/// Exit statuses as sysexits(3) has them; part of the documented interface.
enum ExitStatus: Int32 {
  case usage = 64
  case unreadableInput = 65
  case ambiguousTarget = 66
  case noTarget = 69
  case refused = 71
  case noTracefs = 72
  case outputFailed = 74
  case notPermitted = 77
  case badTrigger = 78
}

/// An error of the executable itself.
struct ToolError: Error {
  var status: ExitStatus
  var what: String
  var remedy: String
}

/// How every error reaches the operator: one or two lines on stderr and the documented exit status.
enum Failure {
  static func exit(with error: any Error) -> Never {
    switch error {
    case let error as CaptureError:
      say("error: \(error.what)\n  \(error.remedy)")
      Glibc.exit(status(of: error.code).rawValue)
    case let error as TraceFileError:
      let isOutput = error.code == .unwritable
      say("error: cannot \(isOutput ? "write" : "read") the recording \(error)\n  \(error.remedy)")
      Glibc.exit((isOutput ? ExitStatus.outputFailed : .unreadableInput).rawValue)
    case let error as ToolError:
      say("error: \(error.what)\n  \(error.remedy)")
      Glibc.exit(error.status.rawValue)
    default:
      exitParsing(error)
    }
  }

  /// What was asked for instead of a capture, on stdout.
  static func exit(printing text: String) -> Never {
    do {
      var output = try ReportOutput(path: nil)
      try output.write(text + "\n")
    } catch {
      exit(with: error)
    }
    Glibc.exit(0)
  }

  /// Help and version are no errors; a wrong command line is.
  private static func exitParsing(_ error: any Error) -> Never {
    let code = KernelDelay.exitCode(for: error)
    guard code != .success else { exit(printing: KernelDelay.fullMessage(for: error)) }
    let message = KernelDelay.message(for: error).split(separator: "\n").first.map(String.init) ?? "\(error)"
    say("error: \(message)\n  see `kdelay-ftrace --help`")
    Glibc.exit(ExitStatus.usage.rawValue)
  }

  private static func status(of code: CaptureError.Code) -> ExitStatus {
    switch code {
    case .noTarget: .noTarget
    case .ambiguousTarget: .ambiguousTarget
    case .refused: .refused
    case .noTracefs: .noTracefs
    case .notPermitted: .notPermitted
    }
  }

  /// A line for the operator, on stderr.
  static func say(_ message: String) { write("\(message)\n") }

  /// Text for the operator; where stderr cannot be written there is nobody to tell.
  static func write(_ text: String) { _ = try? FileDescriptor.standardError.writeAll(text.utf8) }
}
