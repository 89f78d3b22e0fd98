/// Where calls return to whose return address the kernel has replaced for a return probe, as a probe at the functions'
/// entries has recorded it.
///
/// A call is known by its thread and by the place of its return address on the stack. The latest call before a moment with
/// its return address there is the one that is still pending then; nothing tells of returns, and nothing has to. Of a place
/// that is called from the same callsite again and again only the first call is kept.
package struct ReturnAddressTable: Sendable {
  private struct Call: BitwiseCopyable {
    /// The time of the call, ns.
    var time: UInt64
    var returnAddress: UInt64
    /// The lower half of the address at which the return address lies.
    var place: UInt32
  }

  /// The latest calls of a thread, the oldest at `next` once there are `callLimit`.
  private struct Thread {
    var calls: [Call] = []
    var next = 0
    /// The times, ns, at which calls of this thread alone may have gone unseen; see `interrupt`.
    var breaks: [UInt64] = []

    /// The call of an age. Number 0 is the latest.
    subscript(age: Int) -> Call { calls[(next + calls.count - 1 - age) % calls.count] }
  }

  /// The most calls of one thread: more than a recursion, or a drain of a program that calls from ever other callsites, should
  /// need.
  private static let callLimit = 4096
  /// The most calls of all threads, 24 bytes each.
  private static let limit = 1 << 18
  /// The number of a thread's latest calls that are compared with a new one.
  private static let reach = 16
  private static let breakLimit = 16

  private var threads: [Int32: Thread] = [:]
  private var count = 0
  /// The number of calls that were forgotten to make room for others.
  package private(set) var forgotten: UInt64 = 0
  /// The times, ns, at which calls may have gone unseen: those before say nothing of what is later.
  private var breaks: [UInt64] = []

  package init() {}

  /// Whether no call is kept.
  package var isEmpty: Bool { count == 0 }

  /// Takes note of a call at `time`, ns: thread `tid` will return to `returnAddress`, which lies at the address whose lower
  /// half is `place`.
  package mutating func note(tid: Int32, place: UInt32, returnAddress: UInt64, at time: UInt64) {
    if count >= Self.limit { makeRoom(besides: tid) }
    let call = Call(time: time, returnAddress: returnAddress, place: place)
    let start = max(breaks.last ?? 0, threads[tid]?.breaks.last ?? 0)
    count += Self.add(call, to: &threads[tid, default: Thread()], since: start)
  }

  /// Forgets the threads that have called nothing for the longest time, those among them that have ended, until a quarter is
  /// free: the next time is far away.
  private mutating func makeRoom(besides tid: Int32) {
    let idle = threads.filter { $0.key != tid }.map { (time: $0.value[0].time, tid: $0.key) }
    for thread in idle.sorted(by: { $0 < $1 }) where count > Self.limit / 4 * 3 {
      let calls = threads.removeValue(forKey: thread.tid)?.calls.count ?? 0
      count -= calls
      forgotten += UInt64(calls)
    }
  }

  /// Forgets the calls of a thread that has ended: another one may get its id.
  package mutating func forget(tid: Int32) {
    count -= threads.removeValue(forKey: tid)?.calls.count ?? 0
  }

  /// Adds a call to its thread and returns how many more are kept.
  private static func add(_ call: Call, to thread: inout Thread, since start: UInt64) -> Int {
    for age in 0..<min(reach, thread.calls.count) where thread[age].place == call.place {
      if thread[age].returnAddress == call.returnAddress, thread[age].time >= start { return 0 }
      break
    }
    if thread.calls.count < callLimit {
      thread.calls.append(call)
      return 1
    }
    thread.calls[thread.next] = call
    thread.next = (thread.next + 1) % callLimit
    return 0
  }

  /// Takes note that a thread has made another process, whose first thread `child` has a copy of its stack.
  package mutating func copy(from parent: Int32, to child: Int32) {
    guard let calls = threads[parent] else { return }
    forget(tid: child)
    if count + calls.calls.count > Self.limit { makeRoom(besides: parent) }
    threads[child] = calls
    count += calls.calls.count
  }

  /// Takes note that calls were lost at `time`, ns.
  package mutating func interrupt(at time: UInt64) {
    guard count > 0 else { return }
    Self.add(time, to: &breaks)
  }

  /// Takes note that the thread has a new program since `time`, ns.
  package mutating func interrupt(tid: Int32, at time: UInt64) {
    guard threads[tid] != nil else { return }
    Self.add(time, to: &threads[tid, default: Thread()].breaks)
  }

  private static func add(_ time: UInt64, to breaks: inout [UInt64]) {
    if breaks.count == breakLimit { breaks.removeFirst() }
    breaks.append(time)
  }

  /// Where the call that is pending at `time`, ns, returns to; nil if it was not recorded. `trampoline`: what the kernel puts
  /// there, which a function finds that was jumped to by another one whose return is waited for.
  package func returnAddress(tid: Int32, place: UInt32, at time: UInt64, besides trampoline: UInt64) -> UInt64? {
    guard let thread = threads[tid] else { return nil }
    let start = max(breaks.last { $0 <= time } ?? 0, thread.breaks.last { $0 <= time } ?? 0)
    for age in thread.calls.indices {
      let call = thread[age]
      guard call.time >= start else { return nil }
      if call.place == place, call.time <= time, call.returnAddress != trampoline { return call.returnAddress }
    }
    return nil
  }
}

/// What is known of the calls that were pending when a stack was sampled.
package struct PendingReturns: Sendable {
  private let table: ReturnAddressTable
  private let tid: Int32
  private let time: UInt64

  /// Takes what the table knows of the calls of thread `tid` that are pending at `time`, ns.
  package init(_ table: ReturnAddressTable, tid: Int32, at time: UInt64) {
    self.table = table
    self.tid = tid
    self.time = time
  }

  /// Where the call returns to whose return address is to lie at `place`, and that has `trampoline` there.
  package func returnAddress(at place: UInt64, besides trampoline: UInt64) -> UInt64? {
    table.returnAddress(tid: tid, place: UInt32(truncatingIfNeeded: place), at: time, besides: trampoline)
  }
}
