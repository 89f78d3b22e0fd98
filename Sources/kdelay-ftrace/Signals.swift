internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage
internal import TraceSource

/// SIGINT, SIGTERM and SIGHUP as something to poll for, so that every way out is the ordinary one.
///
/// A SIGHUP that was ignored when the tool was started stays ignored: that is how `nohup` keeps a program running. An ignored
/// SIGINT does not count, which a shell gives to what a script runs in the background (`kdelay-ftrace … & kill -INT $!`).
struct Signals: ~Copyable {
  let descriptor: OwnedDescriptor

  init() {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM] { sigaddset(&set, number) }
    if !Self.isIgnored(SIGHUP) { sigaddset(&set, SIGHUP) }
    sigprocmask(SIG_BLOCK, &set, nil)
    // Writing to a closed pipe is an error like any other.
    signal(SIGPIPE, SIG_IGN)
    descriptor = OwnedDescriptor(
      FileDescriptor(rawValue: signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC))))
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Signals that arrived since the last call.
  func take() -> Int {
    var count = 0
    var information = signalfd_siginfo()
    while let taken = try? uninterrupted({
      read(descriptor.descriptor.rawValue, &information, MemoryLayout<signalfd_siginfo>.size)
    }), taken > 0 {
      count += 1
    }
    return count
  }
}
