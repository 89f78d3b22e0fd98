internal import Binaries
internal import TraceFile
internal import TraceFormat
internal import TraceModel
internal import TraceSource
internal import Unwinder

/// The samples of a recording with user registers, through the unwinder.
struct Replay: ~Copyable {
  let modules: ModuleTable
  private var processes: ProcessCodeTable
  private(set) var unwinder: Unwinder
  private var frames = FlatArray<Frame>(capacity: 256)
  private let depth: Int
  private(set) var samples = 0

  init(depth: Int) {
    modules = ModuleTable(vdso: VDSO.bytes)
    processes = ProcessCodeTable(source: modules)
    unwinder = Unwinder(source: modules)
    self.depth = depth
  }

  /// Unwinds all samples that have user registers, in the order of time.
  mutating func run(
    _ file: inout PerfFile, _ body: (PerfSample, borrowing FlatArray<Frame>, StackEnd) -> Void
  ) throws {
    var (processes, samples) = (processes, 0)
    try file.forEachRecord { record, bytes, _ in
      if case .sample(let sample) = record {
        guard sample.registers.known != 0 else { return }
        samples += 1
        let span = sample.userStack
        let stack = StackBytes(
          start: sample.registers.stackPointer ?? 0,
          bytes: UnsafeRawBufferPointer(rebasing: bytes[span.offset..<span.offset + span.length]))
        frames.removeAll()
        let end = unwinder.unwind(
          sample.registers, stack: stack, space: processes.space(of: sample.stamp.pid, at: sample.stamp.timestamp),
          limit: depth, into: &frames)
        body(sample, frames, end)
      } else if let change = ProcessChange(record, bytes) {
        processes.apply(change)
      }
    }
    self.processes = processes
    self.samples += samples
  }
}
