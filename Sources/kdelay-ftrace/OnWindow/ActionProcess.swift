internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage

/// One run of the operator's command (`--on-window`): a shell in a process group of its own, with a report on its stdin.
struct ActionProcess {
  /// How a run ended.
  enum End: Equatable {
    case exited(Int32)
    /// It took too long, and was ended.
    case timedOut
    /// The tool ends, and it was ended.
    case stopped
  }

  let pid: Int32

  /// Starts `command`; what it writes goes to stderr, since stdout has the reports. Throws where the kernel refuses.
  init(_ command: String, report: [UInt8]) throws(Errno) {
    // A file, and no pipe: nobody has to wait for the command to read it.
    let memory = kdelay_memory_file()
    guard memory >= 0 else { throw Errno(rawValue: errno) }
    let file = OwnedDescriptor(FileDescriptor(rawValue: memory))
    do {
      try file.descriptor.writeAll(report)
      _ = try file.descriptor.seek(offset: 0, from: FileDescriptor.SeekOrigin.start)
    } catch { throw error as? Errno ?? .ioError }
    pid = try Self.spawn(command, stdin: memory)
  }

  private static func spawn(_ command: String, stdin: Int32) throws(Errno) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, stdin, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The tool blocks the signals that end it, and ignores SIGPIPE: neither is the command's affair.
    var (none, defaults) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    var arguments: [UnsafeMutablePointer<CChar>?] =
      ["sh", "-c", command].map { (word: String) in strdup(word) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    let failure = posix_spawn(&child, "/bin/sh", &actions, &attributes, &arguments, environ)
    guard failure == 0 else { throw Errno(rawValue: failure) }
    return child
  }

  /// Waits for the end, at most `limit` ns; ends the command and all of its group then, and where `isStopped` says so.
  func wait(atMost limit: UInt64, isStopped: () -> Bool) -> End {
    var status: Int32 = 0
    let ends = kdelay_pidfd_open(pid)
    defer { if ends >= 0 { close(ends) } }
    let pause: Int32 = 50
    for _ in 0...(limit / UInt64(pause) / 1_000_000) {
      if (try? uninterrupted { waitpid(pid, &status, WNOHANG) }) == pid { return .exited(kdelay_exit_code(status)) }
      if isStopped() {
        end()
        return .stopped
      }
      var entry = pollfd(fd: ends, events: Int16(POLLIN), revents: 0)
      poll(&entry, 1, pause)
    }
    end()
    return .timedOut
  }

  /// Ends the group: asks first, and insists after a fifth of a second.
  private func end() {
    kill(-pid, SIGTERM)
    kill(-pid, SIGCONT)
    for _ in 0..<40 {
      if (try? uninterrupted { waitpid(pid, nil, WNOHANG) }) == pid {
        // What the shell had started may have stayed.
        kill(-pid, SIGKILL)
        return
      }
      usleep(5000)
    }
    kill(-pid, SIGKILL)
    _ = try? uninterrupted { waitpid(pid, nil, 0) }
  }
}
