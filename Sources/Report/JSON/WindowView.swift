internal import Aggregator
internal import TraceModel

/// A window's result as the JSON tables see it. It is an object so that each part can refer to it at no cost.
final class WindowView {
  let result: Sample
  let snapshot: Snapshot
  /// The text of each distinct user stack that a syscall has; empty for the others.
  private let userStacks: [[UInt8]]
  /// The text of each distinct kernel stack that a syscall or a wait has; empty for the others.
  private let kernelStacks: [[UInt8]]

  private static let noFrames = Array("[]".utf8)

  init(_ result: Sample) {
    self.result = result
    snapshot = result.snapshot
    let stacks = result.stacks
    let users = Set(stacks.events.map(\.user))
    let kernels = Set(stacks.events.map(\.kernel) + stacks.waits)
    userStacks = Self.texts(stacks.stacks, users, StackTables.userFrame)
    kernelStacks = Self.texts(stacks.stacks, kernels, StackTables.frame)
  }

  /// Each stack's frames are rendered once, however many syscalls have it.
  private static func texts(
    _ stacks: [[StackFrame]], _ used: Set<Int32>, _ table: JSONTable<StackFrame>
  ) -> [[UInt8]] {
    stacks.enumerated().map { index, frames in
      guard used.contains(Int32(index)) else { return [] }
      return ByteOutput.bytes { $0.json(list: frames) { table.write($0, &$1) } }
    }
  }

  func userStack(_ number: Int32) -> [UInt8] { Self.text(userStacks, number) }
  func kernelStack(_ number: Int32) -> [UInt8] { Self.text(kernelStacks, number) }

  private static func text(_ texts: [[UInt8]], _ number: Int32) -> [UInt8] {
    texts.indices.contains(Int(number)) ? texts[Int(number)] : noFrames
  }

  /// The window's threads, in the order that all formats have them in.
  var threads: [ThreadView] { result.threads.map { ThreadView(thread: $0, window: self) } }
}

/// A thread's statistics, and the window that they are of.
struct ThreadView {
  let thread: ThreadSnapshot
  let window: WindowView
}

/// The statistics of one of a thread's syscalls, and the window that they are of.
struct SyscallView {
  let syscall: SyscallSnapshot
  let window: WindowView
}

/// An interrupt source's statistics, and the window that they are of.
struct InterruptView {
  let interrupt: IRQSnapshot
  let window: WindowView
}

/// A slow syscall, and the window that it is of.
struct SyscallEventView {
  /// The syscall's place among those of the window.
  let index: Int
  let window: WindowView

  var event: SyscallEvent { window.snapshot.syscallEvents[index] }
  var stacks: EventStacks { window.result.stacks.stacks(ofEvent: index) }
}

/// One wait of a slow syscall, and the window that it is of.
struct WaitView {
  /// The wait's place among those of the window.
  let index: Int
  let window: WindowView

  var wait: SyscallWait { window.snapshot.syscallWaits[index] }

  var kernelStack: [UInt8] {
    let numbers = window.result.stacks.waits
    return window.kernelStack(numbers.indices.contains(index) ? numbers[index] : -1)
  }
}

/// Who ended a wait, and the window that the wait is of.
struct WakerView {
  let waker: Waker
  let window: WindowView
}
