internal import Glibc
internal import SystemCalls
internal import SystemPackage

/// Reads the raw ring-buffer pages of every CPU of one instance or several, into one reused buffer.
///
/// The pipes are read without blocking: a blocked reader would cost the traced CPU an interrupt per wake-up, and one
/// that reads again at once chases the writer page by page, slowing it down. `StreamReader` says when they are read.
package struct RawPageReaders: ~Copyable {
  /// Descriptors of `per_cpu/cpuN/trace_pipe_raw`, in the order of `cpus`; owned, closed in `deinit`.
  private var pipes: [FileDescriptor] = []
  /// The CPU of each pipe, by position.
  package private(set) var cpus: [Int] = []
  private let page: UnsafeMutableRawBufferPointer

  /// Readers without a pipe yet. `pageSize`: the number of bytes of the largest sub-buffer, header included.
  package init(pageSize: Int) { page = .allocate(byteCount: pageSize, alignment: 4096) }

  /// Opens the pipes of `instance`; they come next in position.
  package mutating func add(_ instance: borrowing TracingInstance, cpus: [Int]) throws(CaptureError) {
    for cpu in cpus {
      pipes.append(try instance.openRawPipe(cpu: cpu).take())
      self.cpus.append(cpu)
    }
  }

  deinit {
    for pipe in pipes { try? pipe.close() }
    page.deallocate()
  }

  /// The next page of the CPU at `position`, valid until the next call; nil where there is nothing to read now, as on a
  /// CPU that is offline.
  package mutating func next(at position: Int) -> UnsafeRawBufferPointer? {
    let count = read(at: position, into: page)
    return count > 0 ? UnsafeRawBufferPointer(rebasing: page[..<count]) : nil
  }

  /// Reads the next page of the CPU at `position` into `memory`, which has room for it. Returns how many bytes it has; 0 where there is
  /// none.
  func read(at position: Int, into memory: UnsafeMutableRawBufferPointer) -> Int {
    max((try? uninterrupted { Glibc.read(pipes[position].rawValue, memory.baseAddress, memory.count) }) ?? 0, 0)
  }
}
