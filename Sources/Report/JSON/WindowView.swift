internal import Aggregator
internal import Session
internal import TraceModel

/// A window's result as the JSON tables see it. It is an object so that each part can refer to it at no cost.
final class WindowView {
  let result: WindowResult
  let snapshot: Snapshot
  /// The text of each distinct user stack that a syscall has, also one in progress; empty for the others.
  private let userStacks: [[UInt8]]
  /// The text of each distinct kernel stack that a syscall or a wait has; empty for the others.
  private let kernelStacks: [[UInt8]]

  private static let noFrames = Array("[]".utf8)

  init(_ result: WindowResult) {
    self.result = result
    snapshot = result.snapshot
    let stacks = result.stacks?.frames ?? []
    let inProgress = result.causes.lazy.compactMap(\.inProgress)
    let users = Set(result.slowSyscalls.lazy.compactMap(\.userStack) + inProgress.compactMap(\.userStack))
    let kernels = Set(
      result.slowSyscalls.lazy.compactMap(\.kernelStack)
        + result.slowSyscalls.lazy.flatMap(\.waits).compactMap(\.kernelStack)
        + inProgress.compactMap(\.kernelStack))
    userStacks = Self.texts(stacks, users, StackTables.userFrame)
    kernelStacks = Self.texts(stacks, kernels, StackTables.frame)
  }

  /// Each stack's frames are rendered once, however many syscalls have it.
  private static func texts(
    _ stacks: [[StackFrame]], _ used: Set<StackNumber>, _ table: JSONTable<StackFrame>
  ) -> [[UInt8]] {
    stacks.enumerated().map { index, frames in
      guard used.contains(index) else { return [] }
      return ByteOutput.bytes { $0.json(list: frames) { table.write($0, &$1) } }
    }
  }

  func userStack(_ number: StackNumber?) -> [UInt8] { Self.text(userStacks, number) }
  func kernelStack(_ number: StackNumber?) -> [UInt8] { Self.text(kernelStacks, number) }

  private static func text(_ texts: [[UInt8]], _ number: StackNumber?) -> [UInt8] {
    number.flatMap { texts.indices.contains($0) ? texts[$0] : nil } ?? noFrames
  }

  /// The window's threads, in the order that all formats have them in.
  var threads: [ThreadView] {
    result.threadOrder.map {
      ThreadView(thread: snapshot.threads[$0], causes: result.causes(at: $0), window: self)
    }
  }
}

/// A thread's statistics and causes, and the window that they are of.
struct ThreadView {
  let thread: ThreadSnapshot
  let causes: ThreadCauses
  let window: WindowView
}

/// A syscall or page fault that has not ended, and the window that it is of.
struct InProgressView {
  let call: InProgress
  let window: WindowView

  /// How long it had lasted when the window ended, ns.
  var soFar: UInt64 { call.soFar(at: window.snapshot.stop) }
}

/// The statistics of one of a thread's syscalls.
struct SyscallView {
  let syscall: SyscallSnapshot
  /// Whether the thread's program has made calls of another numbering too.
  let isUncertain: Bool
}

/// An interrupt source's statistics, and the window that they are of.
struct InterruptView {
  let interrupt: IRQSnapshot
  let window: WindowView
}

/// A slow syscall, and the window that it is of.
struct SyscallEventView {
  let slow: SlowSyscall
  let window: WindowView

  var call: SyscallEvent { slow.call }
}

/// One wait of a slow syscall, and the window that it is of.
struct WaitView {
  let slowWait: SlowSyscall.Wait
  let window: WindowView

  var wait: SyscallWait { slowWait.wait }
  var kernelStack: [UInt8] { window.kernelStack(slowWait.kernelStack) }
}

/// Who ended a wait, and the window that the wait is of.
struct WakerView {
  let waker: Waker
  let window: WindowView
}
