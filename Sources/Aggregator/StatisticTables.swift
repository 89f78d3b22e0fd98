internal import TraceModel

/// Statistic of one syscall of one thread.
struct SyscallStatistic: BitwiseCopyable {
  let thread: Int32
  let abi: SyscallABI
  let number: Int32
  var durations = IntervalStatistic()
  /// How long the calls were on a CPU, without interrupts and kernel activities.
  var onCPU = IntervalStatistic()
  var errors: UInt64 = 0
  var histogram = HistogramArena.Histogram()
}

/// Statistics of syscalls by (thread, ABI, number).
struct SyscallTable: ~Copyable {
  var statistics = FlatArray<SyscallStatistic>(capacity: 256)
  var histograms = HistogramArena()
  private var index = FlatIndex(capacity: 256)

  /// The key of a statistic, to which `key(of:)` is added; the numbering is known long before an event is.
  @inline(__always)
  static func key(thread: Int, number: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: number)) | UInt64(UInt32(truncatingIfNeeded: thread)) &<< 34
  }

  static func key(of abi: SyscallABI) -> UInt64 { UInt64(abi.rawValue) &<< 32 }

  mutating func position(of key: UInt64, thread: Int32, abi: SyscallABI, number: Int32) -> Int {
    if let known = index.find(key) { return Int(known) }
    let added = statistics.append(SyscallStatistic(thread: thread, abi: abi, number: number))
    index.set(key, Int32(added))
    return added
  }

  @inline(__always)
  mutating func record(from start: UInt64, to end: UInt64, failed: Bool, at position: Int) {
    statistics[position].durations.record(from: start, to: end)
    statistics[position].errors &+= failed ? 1 : 0
    histograms.record(end > start ? end &- start : 0, in: &statistics[position].histogram)
  }

  mutating func removeAll() {
    statistics.removeAll()
    histograms.removeAll()
    index.removeAll()
  }
}

/// Statistic of one interrupt source on one thread.
struct IRQStatistic: BitwiseCopyable {
  let thread: Int32
  /// The number of a hard interrupt, or the vector of a soft one.
  let number: Int32
  /// The name of a hard interrupt's handler; several handlers can share one interrupt.
  let name: NameID
  var durations = IntervalStatistic()
  /// How long they were on the CPU, without the interrupts inside them.
  var exclusive = IntervalStatistic()
}

/// Statistics of interrupts by (thread, number, handler).
struct IRQTable: ~Copyable {
  var statistics = FlatArray<IRQStatistic>(capacity: 64)
  private var index = FlatIndex(capacity: 64)

  /// `exclusive`: the time, ns, without the interrupts inside it.
  mutating func record(
    from start: UInt64, to end: UInt64, thread: Int32, number: Int32, name: NameID, exclusive: UInt64
  ) {
    // Interrupt numbers and handlers are few: 20 bits each leave 24 for the thread's index.
    let key =
      UInt64(truncatingIfNeeded: number) & 0xFFFFF | (UInt64(truncatingIfNeeded: name) & 0xFFFFF) &<< 20
      | UInt64(truncatingIfNeeded: thread) &<< 40
    let position: Int
    if let known = index.find(key) {
      position = Int(known)
    } else {
      position = statistics.append(IRQStatistic(thread: thread, number: number, name: name))
      index.set(key, Int32(position))
    }
    statistics[position].durations.record(from: start, to: end)
    statistics[position].exclusive.record(exclusive)
  }

  mutating func removeAll() {
    statistics.removeAll()
    index.removeAll()
  }
}
