internal import SystemCalls

/// What /proc/PID/stat says of a process or thread (man 5 proc_pid_stat).
package struct ProcessStatus: Sendable, Equatable {
  package var name: String
  /// The letter of the state: `R`, `S`, `D`, `T`, `t`, `Z`, `X`, `I`, …
  package var state: Character
  package var parent: Int32
  /// The kernel's flags, PF_KTHREAD and others.
  package var flags: UInt64
  /// The clock ticks in user mode.
  package var userTicks: UInt64
  /// The clock ticks in kernel mode.
  package var kernelTicks: UInt64
  /// The clock ticks in both modes.
  package var ticks: UInt64 { userTicks &+ kernelTicks }
  /// The number of page faults, with and without reading from a disk.
  package var faults: UInt64
  /// The number of page faults that read from a disk.
  package var majorFaults: UInt64
  /// When the process or thread began, clock ticks since boot.
  package var startTime: UInt64

  package var isKernelThread: Bool { flags & 0x0020_0000 != 0 }
  /// PF_IO_WORKER and PF_USER_WORKER (include/linux/sched.h): made by the kernel to work for the process, as io_uring's threads.
  /// The bits have meant other things before; the names are the kernel's.
  package var isWorker: Bool {
    flags & 0x4010 != 0 && !isKernelThread && ["iou-", "vhost-", "kvm-"].contains { name.hasPrefix($0) }
  }
  package var isZombie: Bool { state == "Z" || state == "X" }
  /// Whether the end is being told of, or was (PF_EXITING); the rest of it can take long, as where perf events are given back.
  package var isExiting: Bool { flags & 0x4 != 0 }

  /// The process or thread with this id; nil if there is none.
  package static func read(pid: Int32) -> ProcessStatus? {
    (try? SystemFiles.read("/proc/\(pid)/stat")).flatMap(parse)
  }

  package static func read(pid: Int32, tid: Int32) -> ProcessStatus? {
    (try? SystemFiles.read("/proc/\(pid)/task/\(tid)/stat")).flatMap(parse)
  }

  /// Whether process `pid`, of which `status` is known, runs. One whose first thread has ended (`pthread_exit` in main) looks
  /// like a zombie, and runs as long as another thread does.
  package static func isAlive(_ pid: Int32, _ status: ProcessStatus) -> Bool {
    !status.isZombie || livingThread(of: pid) != nil
  }

  /// Whether there is a process `pid` that runs.
  package static func isAlive(_ pid: Int32) -> Bool { read(pid: pid).map { isAlive(pid, $0) } ?? false }

  /// Whether there is a process `pid` that runs and began at `startTime`, in clock ticks: one that began at another time has
  /// the id of one that has ended.
  package static func isAlive(_ pid: Int32, startTime: UInt64) -> Bool {
    read(pid: pid).map { $0.startTime == startTime && isAlive(pid, $0) } ?? false
  }

  /// A thread of process `pid` that has not ended.
  static func livingThread(of pid: Int32) -> Int32? {
    ((try? SystemFiles.list("/proc/\(pid)/task")) ?? []).lazy.compactMap { Int32($0) }.first { tid in
      read(pid: pid, tid: tid).map { !$0.isZombie } ?? false
    }
  }

  /// What /proc/PID/status (man 5 proc_pid_status) has behind each of the names, word by word; nothing where it lacks one.
  static func details(pid: Int32, _ names: [String]) -> [[Substring]] {
    let lines = ((try? SystemFiles.read("/proc/\(pid)/status")) ?? "").split(separator: "\n")
    return names.map { name in
      let line = lines.first { $0.hasPrefix("\(name):") }
      return line?.dropFirst(name.count + 1).split(whereSeparator: \.isWhitespace) ?? []
    }
  }

  /// The process that a task belongs to; nil where it has ended.
  package static func process(ofTask tid: Int32) -> Int32? {
    details(pid: tid, ["Tgid"])[0].first.flatMap { Int32($0) }
  }

  /// The name is in parentheses and may hold any character, parentheses and spaces included.
  static func parse(_ text: String) -> ProcessStatus? {
    guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"), open < close else {
      return nil
    }
    let fields = text[text.index(after: close)...].split(whereSeparator: \.isWhitespace)
    guard fields.count >= 20, let state = fields[0].first, let parent = Int32(fields[1]),
      let flags = UInt64(fields[6]), let minorFaults = UInt64(fields[7]), let majorFaults = UInt64(fields[9]),
      let userTicks = UInt64(fields[11]),
      let kernelTicks = UInt64(fields[12]), let startTime = UInt64(fields[19])
    else { return nil }
    return ProcessStatus(
      name: String(text[text.index(after: open)..<close]), state: state, parent: parent,
      flags: flags, userTicks: userTicks, kernelTicks: kernelTicks, faults: minorFaults &+ majorFaults,
      majorFaults: majorFaults,
      startTime: startTime)
  }

  /// The kernel's functions that a blocked thread is in, innermost first, by /proc/PID/task/TID/stack: `[<0>] NAME+0xOFFSET/0xSIZE` a line. Empty
  /// where it runs, where it has ended, and where the kernel does not tell.
  package static func kernelFunctions(of tid: Int32, in pid: Int32) -> [String] {
    guard let text = try? SystemFiles.read("/proc/\(pid)/task/\(tid)/stack") else { return [] }
    return text.split(separator: "\n").compactMap { line in
      line.split(separator: " ").last.flatMap { $0.split(separator: "+").first }.map(String.init)
    }
  }
}
