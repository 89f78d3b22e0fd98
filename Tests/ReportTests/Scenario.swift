import TraceModel

@testable import Aggregator
@testable import Report
@testable import Session

/// Made-up windows of programs whose trouble is known: does the first look at the report tell the truth?
enum Scenario: String, CaseIterable {
  case slowWriter, hog, hogWithoutBlame, quota, frozen, lateFaultHandler, droppedCaches, memoryLimit, mapLock, inversion
  case spawnBesideHog, idleLoop, stoppedReader, flushStorm, rowLock, crowd, ownCode, lostEvents, ownTool, debugged

  var result: WindowResult {
    var window = MadeUpWindow()
    window.machine.isRecorded = self != .hogWithoutBlame && self != .lostEvents
    switch self {
    case .slowWriter, .hog, .hogWithoutBlame, .ownTool, .spawnBesideHog: waitsForCPU(&window)
    case .quota, .frozen, .debugged, .memoryLimit, .mapLock, .crowd: limits(&window)
    case .lateFaultHandler, .droppedCaches, .flushStorm: waitsForStorage(&window)
    case .inversion, .stoppedReader, .rowLock: waitsForTasks(&window)
    case .idleLoop, .ownCode, .lostEvents: calm(&window)
    }
    return window.result
  }

  private func waitsForCPU(_ window: inout MadeUpWindow) {
    switch self {
    case .slowWriter:
      window.machine.idleTime = [0: 120_000_000, 1: 3_000_000]
      window.thread(
        "slow-writer", 9810, user: 310,
        [
          .made(.ready, .task, 254, count: 31, longest: 46, by: .made("cc1", 4711)),
          .made(.ready, .task, 76, count: 12, longest: 9, by: .made("ksoftirqd/1", 22)),
          .made(.blockedUninterruptible, .disk, 240, count: 163, longest: 83, in: "fdatasync", at: "submit_bio_wait"),
          .made(
            .blockedInterruptible, .futex, 50, count: 3, longest: 30, by: .made("worker-2", 9812),
            path: .init(task: .made("worker-2", 9812), doing: .ready, length: 1), in: "futex"),
          .made(.blockedInterruptible, .idle, 70, count: 9, in: "epoll_wait"),
        ])
    case .hog:
      window.machine.idleTime = [1: 990_000_000]
      window.thread(
        "victim", 812, user: 490,
        [
          .made(.ready, .task, 506, count: 250, longest: 4, by: .made("hog", 811)),
          .made(.ready, .interrupt, 4, count: 900, longest: 0),
        ])
    case .hogWithoutBlame:
      window.thread(
        "victim", 812, user: 490,
        [
          .made(.ready, .task, 300, count: 250, longest: 4, by: .made("hog", 811)),
          .made(.ready, .unknown, 210, count: 90),
        ])
    case .ownTool:
      window.thread(
        "victim", 812, user: 700,
        [
          .made(.ready, .task, 300, count: 50, longest: 8, by: .made("kdelay-ftrace", 99, isTool: true))
        ])
    default:
      window.thread(
        "spawner", 700, user: 10,
        [
          .made(
            .blockedUninterruptible, .child, 985, count: 2, longest: 600, by: .made("true", 701, pid: 701),
            path: .init(task: .made("true", 701), doing: .ready, length: 1), in: "vfork"),
          .made(.syscall, .syscall, 5, count: 2, in: "vfork"),
        ])
    }
  }

  private func limits(_ window: inout MadeUpWindow) {
    switch self {
    case .quota:
      window.thread(
        "batch", 40, user: 190,
        [
          .made(.ready, .throttled, 800, count: 10, longest: 80),
          .made(.ready, .task, 10, count: 5, by: .made("bash", 3)),
        ])
    case .frozen:
      window.thread("batch", 40, user: 300, [.made(.blockedInterruptible, .frozen, 700)])
    case .debugged:
      window.thread(
        "batch", 40, user: 400,
        [
          .made(.stopped, .tracer, 590, count: 4, longest: 500), .made(.stopped, .signal, 10),
        ])
    case .memoryLimit:
      window.machine.missing = ["the kernel has no compaction events."]
      window.thread(
        "grower", 50, user: 200,
        [
          .made(.syscall, .reclaim, 400, count: 3000, longest: 5), .made(.syscall, .syscall, 100, in: "madvise"),
          .made(.blockedUninterruptible, .memory, 300, count: 40, longest: 20, at: "reclaim_throttle"),
        ])
    case .mapLock:
      for tid in Int32(61)...72 {
        window.thread(
          "mapper", tid, user: 100,
          [
            .made(
              .blockedUninterruptible, .kernelLock, 600 + UInt64(tid), count: 90, by: .made("mapper", tid % 12 + 61),
              in: tid % 2 == 0 ? "mmap" : "munmap", at: "rwsem_down_write_slowpath"),
            .made(.syscall, .syscall, 300 - UInt64(tid), count: 90, in: "mmap"),
          ])
      }
    default:
      for tid in Int32(1000)..<2000 {
        window.thread(
          "worker", tid, user: tid == 1500 ? 10 : 380,
          [
            .made(.ready, .ownProcess, tid == 1500 ? 990 : 620, count: 4, by: .made("worker", tid + 1, pid: 1000))
          ])
      }
      window.thread("main", 999, user: 20, [.made(.blockedInterruptible, .child, 980, in: "wait4")])
    }
  }

  private func waitsForStorage(_ window: inout MadeUpWindow) {
    var faults = PageFaults()
    switch self {
    case .lateFaultHandler:
      (faults.count, faults.major, faults.total, faults.longest) = (40, 0, 800_000_000, 25_000_000)
      window.thread(
        "reader", 30, user: 190,
        [
          .made(
            .blockedInterruptible, .pageFault, 800, count: 40, longest: 25, by: .made("handler", 31),
            path: .init(task: .made("handler", 31), doing: .blocked, length: 1), at: "[anonymous memory]"),
          .made(.ready, .idleCPU, 10, count: 40),
        ], faults: faults)
      window.thread(
        "handler", 31, user: 1,
        [
          .made(.blockedInterruptible, .timer, 799, count: 40, in: "nanosleep"),
          .made(.blockedInterruptible, .idle, 200, count: 40, in: "poll"),
        ])
    case .droppedCaches:
      (faults.count, faults.major, faults.total, faults.longest) = (9000, 1200, 640_000_000, 9_000_000)
      window.thread(
        "scanner", 33, user: 350,
        [
          .made(.blockedUninterruptible, .pageFault, 640, count: 1200, longest: 9, at: "/data/table"),
          .made(.syscall, .syscall, 10, in: "mmap"),
        ], faults: faults)
    default:
      window.stacks = WindowStacks()
      window.thread(
        "redis-server", 6379, user: 50,
        [
          .made(.blockedUninterruptible, .disk, 700, count: 90, longest: 110, in: "fdatasync", at: "submit_bio_wait"),
          .made(.blockedUninterruptible, .disk, 100, count: 40, longest: 8, in: "write", at: "balance_dirty_pages"),
          .made(.syscall, .syscall, 50, count: 90, in: "fdatasync"),
          .made(.blockedInterruptible, .idle, 100, count: 90, in: "epoll_wait"),
        ])
      for tid in Int32(6380)...6382 {
        window.thread("bio_aof", tid, [.made(.blockedInterruptible, .idle, 1000, count: 0, in: "futex")])
      }
    }
  }

  private func waitsForTasks(_ window: inout MadeUpWindow) {
    var call = InProgress(
      number: 202, abi: .x86_64, entry: MadeUpWindow.start - 2_000_000_000, beganEarlier: true,
      state: .blockedInterruptible)
    switch self {
    case .inversion:
      let (b, c) = (Cause.Task.made("B", 72), Cause.Task.made("C", 73))
      window.thread(
        "A", 71, user: 100,
        [
          .made(
            .blockedInterruptible, .futex, 900, by: b, path: .init(task: c, doing: .running, length: 2), in: "futex")
        ])
      window.thread(
        "B", 72, user: 90,
        [
          .made(
            .blockedInterruptible, .futex, 850, by: c, path: .init(task: c, doing: .running, length: 1), in: "futex"),
          .made(.blockedInterruptible, .timer, 60, in: "nanosleep"),
        ])
      window.thread("C", 73, user: 1000, [])
      let start = MadeUpWindow.start
      window.criticalPath = [
        PathSegment(start: start, end: start + 850_000_000, task: c, state: nil),
        PathSegment(start: start + 850_000_000, end: start + 900_000_000, task: b, state: nil),
        PathSegment(start: start + 900_000_000, end: start + 1_000_000_000, task: .made("A", 71), state: nil),
      ]
    case .stoppedReader:
      call.number = 1
      window.thread(
        "producer", 80,
        [
          .made(.blockedInterruptible, .pipe, 1000, count: 1, in: "write", at: "anon_pipe_write")
        ], inProgress: call)
    default:
      let sleeper = Cause.Task.made("postgres", 501, pid: 501)
      window.thread(
        "postgres", 500, pid: 500, user: 2,
        [
          .made(
            .blockedInterruptible, .futex, 998, by: sleeper, path: .init(task: sleeper, doing: .blocked, length: 1),
            in: "futex")
        ])
      window.thread("postgres", 501, pid: 501, user: 1, [.made(.blockedInterruptible, .timer, 999, in: "epoll_wait")])
      window.thread("postgres", 400, pid: 400, [.made(.blockedInterruptible, .idle, 1000, count: 0, in: "epoll_wait")])
    }
  }

  private func calm(_ window: inout MadeUpWindow) {
    switch self {
    case .idleLoop:
      let call = InProgress(
        number: 232, abi: .x86_64, entry: MadeUpWindow.start + 999_000_000, state: .blockedInterruptible)
      window.thread(
        "loop", 90, user: 20,
        [
          .made(.blockedInterruptible, .idle, 975, count: 100, in: "epoll_wait"),
          .made(.ready, .idleCPU, 3, count: 100, longest: 1),
          .made(.syscall, .syscall, 2, count: 100, in: "epoll_wait"),
        ], inProgress: call)
    case .ownCode:
      window.thread("solver", 91, user: 990, [.made(.ready, .task, 10, count: 4, longest: 3, by: .made("sshd", 9))])
    default:
      window.loss.eventsByCPU = [0: 1234]
      window.thread(
        "busy", 92, user: 100, unknown: 500,
        [
          .made(.ready, .task, 100, by: .made("hog", 1)), .made(.blockedInterruptible, .unknown, 300, in: "ioctl"),
        ])
    }
  }
}
