internal import TraceFormat

/// The kernel's account of an instance's ring buffers, as long as the instance is there.
struct RingCounters: Sendable {
  private let tracefs: any TracefsAccess
  /// The instance's directory.
  private let directory: String

  init(_ tracefs: any TracefsAccess, directory: String) {
    self.tracefs = tracefs
    self.directory = directory
  }

  /// The number of events that a CPU has lost so far; 0 where that cannot be read.
  func overrun(cpu: Int) -> UInt64 { RingStatistics.overrun(text(cpu: cpu)) }

  /// All that the kernel counts of a CPU's ring buffer; empty where that cannot be read.
  func text(cpu: Int) -> String { (try? tracefs.read("\(directory)/per_cpu/cpu\(cpu)/stats")) ?? "" }
}
