internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage

/// A command that the tool started: it waits before its first instruction until it is released, and ends with the tool.
package struct CommandProcess: ~Copyable {
  package let pid: Int32
  /// The file of the command's program.
  package let path: String
  private let command: String
  private var go: OwnedDescriptor
  private var failure: OwnedDescriptor
  private var isReaped = false
  package private(set) var exitCode: Int32?

  /// Starts `arguments`, whose first is looked for in PATH, up to just before its exec.
  package init(starting arguments: [String]) throws(CaptureError) {
    let path = try Self.resolve(arguments[0])
    var goEnds: [Int32] = [-1, -1]
    var failureEnds: [Int32] = [-1, -1]
    guard kdelay_pipe(&goEnds) == 0, kdelay_pipe(&failureEnds) == 0 else {
      throw CaptureError(.refused, "cannot make a pipe: \(Errno(rawValue: errno))", remedy: "raise `ulimit -n`")
    }
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for argument in argv { free(argument) } }
    let child = kdelay_spawn_waiting(path, &argv, goEnds[0], failureEnds[1])
    let error = Errno(rawValue: errno)
    close(goEnds[0])
    close(failureEnds[1])
    guard child > 0 else {
      throw CaptureError(.refused, "cannot fork: \(error)", remedy: "free memory or processes")
    }
    command = arguments[0]
    self.path = path
    pid = child
    go = OwnedDescriptor(FileDescriptor(rawValue: goEnds[1]))
    failure = OwnedDescriptor(FileDescriptor(rawValue: failureEnds[0]))
  }

  deinit {
    guard !isReaped else { return }
    kill(pid, SIGKILL)
    _ = try? uninterrupted { waitpid(pid, nil, 0) }
  }

  /// Lets the command run. Throws what its exec failed with.
  package mutating func release() throws(CaptureError) {
    var byte: UInt8 = 1
    _ = try? uninterrupted { write(go.descriptor.rawValue, &byte, 1) }
    var error: Int32 = 0
    // Returns 0 bytes once the exec has closed the other end.
    _ = try? uninterrupted { read(failure.descriptor.rawValue, &error, MemoryLayout<Int32>.size) }
    guard error == 0 else { throw Self.cannotRun(command, Errno(rawValue: error)) }
  }

  /// Whether the command has ended; then it is reaped and `exitCode` is set.
  package mutating func hasEnded() -> Bool {
    guard !isReaped else { return true }
    var status: Int32 = 0
    guard (try? uninterrupted { waitpid(pid, &status, WNOHANG) }) == pid else { return false }
    isReaped = true
    exitCode = kdelay_exit_code(status)
    return true
  }

  /// Ends the command: asks first, and insists after two seconds.
  package mutating func terminate() {
    guard !hasEnded() else { return }
    kill(pid, SIGTERM)
    kill(pid, SIGCONT)  // a stopped process would not see the other
    for _ in 0..<200 {
      if hasEnded() { return }
      usleep(10_000)
    }
    kill(pid, SIGKILL)
    _ = try? uninterrupted { waitpid(pid, nil, 0) }
    isReaped = true
  }

  /// The path of a command's program as the shell finds it: a name with a slash is a path, any other is looked for in PATH.
  package static func resolve(_ command: String) throws(CaptureError) -> String {
    if command.contains("/") {
      guard access(command, F_OK) == 0 else { throw cannotRun(command, .noSuchFileOrDirectory) }
      return try checked(command)
    }
    let directories = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    let paths: [String] = directories.split(separator: ":").map { "\($0)/\(command)" }
    let candidates = paths.filter { access($0, F_OK) == 0 }
    guard let first = candidates.first else { throw cannotRun(command, .noSuchFileOrDirectory) }
    return try checked(candidates.first { access($0, X_OK) == 0 } ?? first)
  }

  private static func checked(_ path: String) throws(CaptureError) -> String {
    guard (try? FilePath(path).stat().type) == .regular, access(path, X_OK) == 0 else {
      throw cannotRun(path, .permissionDenied)
    }
    return path
  }

  private static func cannotRun(_ command: String, _ errno: Errno) -> CaptureError {
    switch errno {
    case .noSuchFileOrDirectory:
      CaptureError(.noTarget, "cannot run '\(command)': \(errno)", remedy: "check the command's name and PATH")
    case .permissionDenied:
      CaptureError(
        .notPermitted, "cannot run '\(command)': it is not an executable file", remedy: "check its mode with `ls -l`")
    default:
      CaptureError(
        .noTarget, "cannot run '\(command)': \(errno)",
        remedy: "check that it is a program of this machine; a script begins with `#!` and its interpreter")
    }
  }
}
