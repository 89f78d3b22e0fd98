/// One ring buffer of a trace.dat: the top one, or that of an instance.
package struct TraceDatBuffer: Sendable, Equatable {
  /// The sub-buffers of one CPU.
  package struct Data: Sendable, Equatable {
    package let cpu: Int
    /// Where they lie in the file, bytes from its start, and how many bytes the file says that these are.
    package let offset: UInt64
    package let size: UInt64
  }

  /// The instance's name; empty for the top buffer.
  package let name: String
  /// The clock of its times, as tracefs names it; empty where the file does not say.
  package internal(set) var clock: String
  /// The number of bytes of a sub-buffer.
  package let pageSize: Int
  /// Whether each CPU's sub-buffers are packed in chunks: a count of 4 bytes, and of each chunk its packed size and its size, 4
  /// bytes each, and its packed bytes.
  package let isCompressed: Bool
  /// The CPUs that have data.
  package let data: [Data]
  /// What the kernel counted of each CPU, the text of `per_cpu/cpuN/stats`, where the file has it.
  package internal(set) var statistics: [Int: String] = [:]
}
