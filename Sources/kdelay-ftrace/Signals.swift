internal import CTraceFS
internal import Glibc
internal import SystemPackage
internal import TraceSource

/// SIGINT, SIGTERM and SIGHUP as something to poll for, so that every way out is the ordinary one.
struct Signals: ~Copyable {
  let descriptor: OwnedDescriptor

  init() {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
    sigprocmask(SIG_BLOCK, &set, nil)
    // Writing to a closed pipe is an error like any other.
    signal(SIGPIPE, SIG_IGN)
    descriptor = OwnedDescriptor(
      FileDescriptor(rawValue: signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC))))
  }

  /// Signals that arrived since the last call.
  func take() -> Int {
    var count = 0
    var information = signalfd_siginfo()
    while read(descriptor.descriptor.rawValue, &information, MemoryLayout<signalfd_siginfo>.size) > 0 {
      count += 1
    }
    return count
  }
}
