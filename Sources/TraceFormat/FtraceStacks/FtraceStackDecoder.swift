package import TraceModel

/// Puts the stack samples of one CPU together, which ftrace records in parts: the event, then the user's stack, then, by the
/// trigger, the kernel's; by the option the kernel's is first. They can lie on different pages, and a part that found no room
/// is missing.
///
/// Invariant that makes the pointer sound: `addresses` holds `kernelCapacity` + `format.userCapacity` words, and this value
/// is its only owner.
package struct FtraceStackDecoder: ~Copyable {
  /// The most addresses of a kernel stack that are kept.
  private static let kernelCapacity = 64

  private let layout: PageLayout
  private let format: FtraceStackFormat
  /// The processes whose samples are kept. Those of others, as their user stacks tell, are left out: of a switch that the filter
  /// let pass, either task can be the target's. Nil for any: where children are followed, their samples come before anything
  /// tells that they are the target's, and no syscall asks for a stranger's.
  private var pids: Set<Int32>?
  private let expectsUser: Bool
  private let cpu: UInt16
  private let addresses: UnsafeMutableRawBufferPointer
  /// The sample whose stacks are still to come, and the bytes of those that have.
  private var open: StackSample?
  private var kernelBytes = 0
  private var userBytes = 0
  private var isTargets = false
  /// The time of the last record that was read, ns.
  package private(set) var lastTimestamp: UInt64 = 0

  /// A decoder for one CPU. `pids`: the processes whose samples are kept; nil for any. `expectsUser`: whether user stacks are
  /// recorded; otherwise nothing tells whose samples these are.
  package init(
    layout: PageLayout, format: FtraceStackFormat, pids: Set<Int32>?, cpu: UInt16, expectsUser: Bool = true
  ) {
    self.expectsUser = expectsUser
    self.layout = layout
    self.format = format
    self.pids = pids
    self.cpu = cpu
    addresses = .allocate(byteCount: (Self.kernelCapacity + format.userCapacity) * 8, alignment: 8)
  }

  deinit { addresses.deallocate() }

  /// Keeps the samples of process `pid` too.
  package mutating func add(_ pid: Int32) { pids?.insert(pid) }

  /// Appends the samples that the page completes to `store`.
  package mutating func decode(_ page: UnsafeRawBufferPointer, into store: inout StackSampleStore) -> PageSummary {
    var records = PageRecords(page, layout)
    // The stacks of the open sample may be among the lost.
    if records.summary.missed != nil { open = nil }
    while let record = records.next() {
      lastTimestamp = records.time
      let isKnown = take(record, at: records.time, &store)
      records.summary.events += isKnown ? 1 : 0
      records.summary.undecodable += isKnown ? 0 : 1
    }
    return records.summary
  }

  /// Whether all records of samples before `time`, ns, were read.
  package func isComplete(before time: UInt64) -> Bool {
    lastTimestamp >= time && open.map { $0.timestamp >= time } ?? true
  }

  /// Appends what is there of an open sample older than `time`, ns: nothing follows of it.
  package mutating func finish(before time: UInt64, into store: inout StackSampleStore) {
    if let open, open.timestamp < time { close(&store) }
  }

  private mutating func take(
    _ record: PageRecords.Record, at time: UInt64, _ store: inout StackSampleStore
  ) -> Bool {
    guard record.length >= 8 else { return false }
    let id = Int(record.start.loadUnaligned(as: UInt16.self))
    let tid = record.start.loadUnaligned(fromByteOffset: 4, as: Int32.self)
    switch id {
    case format.kernelStack: return takeKernelStack(record, of: tid)
    case format.userStack: return takeUserStack(record, of: tid)
    default:
      guard let source = format.sources[id] else { return false }
      close(&store)
      open = StackSample(
        timestamp: time, pid: 0, tid: tid, cpu: cpu, source: source, registers: UserRegisters(), dumpSize: 0)
      return true
    }
  }

  private mutating func takeKernelStack(_ record: PageRecords.Record, of tid: Int32) -> Bool {
    guard record.length >= format.kernelCount + 4 else { return false }
    let count = Int(record.start.loadUnaligned(fromByteOffset: format.kernelCount, as: Int32.self))
    guard count >= 0, format.kernelCaller + count * 8 <= record.length else { return false }
    guard open?.tid == tid, kernelBytes == 0 else { return true }
    kernelBytes = min(count, Self.kernelCapacity) * 8
    copy(record.start + format.kernelCaller, kernelBytes, to: 0)
    return true
  }

  private mutating func takeUserStack(_ record: PageRecords.Record, of tid: Int32) -> Bool {
    guard record.length >= max(format.userCaller + format.userCapacity * 8, format.userProcess + 4) else {
      return false
    }
    guard open?.tid == tid, userBytes == 0 else { return true }
    let pid = record.start.loadUnaligned(fromByteOffset: format.userProcess, as: Int32.self)
    guard pids?.contains(pid) ?? true else {
      open = nil
      return true
    }
    isTargets = true
    open?.pid = pid
    while userBytes < format.userCapacity * 8,
      record.start.loadUnaligned(fromByteOffset: format.userCaller + userBytes, as: UInt64.self) != 0
    {
      userBytes += 8
    }
    copy(record.start + format.userCaller, userBytes, to: Self.kernelCapacity * 8)
    return true
  }

  private func copy(_ source: UnsafeRawPointer, _ count: Int, to offset: Int) {
    UnsafeMutableRawBufferPointer(rebasing: addresses[offset..<offset + count])
      .copyMemory(from: UnsafeRawBufferPointer(start: source, count: count))
  }

  private mutating func close(_ store: inout StackSampleStore) {
    if let open, isTargets || !expectsUser {
      let stacks = UnsafeRawBufferPointer(addresses)
      store.append(
        open, callchain: UnsafeRawBufferPointer(rebasing: stacks[..<kernelBytes]),
        stack: UnsafeRawBufferPointer(rebasing: stacks[(Self.kernelCapacity * 8)...].prefix(userBytes)))
    }
    open = nil
    (kernelBytes, userBytes, isTargets) = (0, 0, false)
  }
}
