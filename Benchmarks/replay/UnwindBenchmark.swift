internal import Binaries
internal import CAllocations
internal import Glibc
internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource
internal import Unwinder

/// The unwinder alone, over samples in memory.
enum UnwindBenchmark {
  /// Samples in memory, and the mappings of each one's time.
  private struct Samples: ~Copyable {
    /// Bytes of stacks that are kept; of a larger recording the rest is left out.
    private static let limit = 1 << 30

    var registers: [UserRegisters] = []
    var stacks: [UnsafeRawBufferPointer] = []
    /// By sample; most have the same one.
    var spaces: [AddressSpace] = []
    var spaceNumbers: [Int] = []
    let modules = ModuleTable(vdso: VDSO.bytes)

    init(_ file: inout PerfFile) throws {
      var (processes, bytesKept) = (ProcessCodeTable(source: modules), 0)
      var numbers: [UInt64: Int] = [:]
      var (registers, stacks, spaces, spaceNumbers) = (registers, stacks, spaces, spaceNumbers)
      try file.forEachRecord { record, bytes, _ in
        if case .sample(let sample) = record {
          guard sample.registers.known != 0, bytesKept < Self.limit else { return }
          let span = sample.userStack
          // Kept until the program ends.
          let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(span.length, 8), alignment: 8)
          copy.copyBytes(from: bytes[span.offset..<span.offset + span.length])
          bytesKept += copy.count
          registers.append(sample.registers)
          stacks.append(UnsafeRawBufferPointer(rebasing: copy[..<span.length]))
          let space = processes.space(of: sample.stamp.pid, at: sample.stamp.timestamp)
          let number = numbers[space.generation] ?? spaces.count
          if number == spaces.count { spaces.append(space) }
          numbers[space.generation] = number
          spaceNumbers.append(number)
        } else if let change = ProcessChange(record, bytes) {
          processes.apply(change)
        }
      }
      (self.registers, self.stacks, self.spaces, self.spaceNumbers) = (registers, stacks, spaces, spaceNumbers)
    }
  }

  /// CPU time of this thread, ns.
  private static func cpuTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  static func run(_ path: String, depth: Int) throws {
    var file = try PerfFile.open(path)
    let samples = try Samples(&file)
    var unwinder = Unwinder(source: samples.modules)
    var frames = FlatArray<Frame>(capacity: 4096)
    func pass() -> UInt64 {
      let before = unwinder.counters.frames
      for index in samples.registers.indices {
        frames.removeAll()
        let stack = StackBytes(start: samples.registers[index].stackPointer ?? 0, bytes: samples.stacks[index])
        _ = unwinder.unwind(
          samples.registers[index], stack: stack, space: samples.spaces[samples.spaceNumbers[index]], limit: depth,
          into: &frames)
      }
      return unwinder.counters.frames - before
    }
    let count = pass()
    guard count > 0 else { return print("no samples") }
    let cold = unwinder.counters
    let passes = max(1, Int(2_000_000 / count))
    var results: [Double] = []
    for _ in 0..<5 {
      let before = cpuTime()
      for _ in 0..<passes { _ = pass() }
      results.append(Double(cpuTime() - before) / Double(count * UInt64(passes)))
    }
    results.sort()
    let (before, warm) = (kdelay_allocations(), unwinder.counters)
    _ = pass()
    let allocations = kdelay_allocations() - before
    let counters = unwinder.counters
    func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    print(
      "warm: \(tenths(results[2])) ns per frame (median of 5 x \(passes) passes, \(tenths(results[0])) to"
        + " \(tenths(results[4]))); \(samples.registers.count) samples, \(count) frames")
    print(
      "a warm pass: \(allocations) allocations, \(counters.cache.misses - warm.cache.misses) cache misses,"
        + " \(counters.rows - warm.rows) full rows, \(counters.guesses - warm.guesses) guesses")
    print("the first pass: \(cold.cache.misses) cache misses, \(cold.malformed) malformed")
  }
}
