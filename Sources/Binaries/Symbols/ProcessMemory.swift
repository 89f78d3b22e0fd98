internal import Glibc

/// What this process takes.
enum ProcessMemory {
  /// The number of bytes that the process has in memory; 0 if that cannot be read.
  static var resident: UInt64 {
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return 0 }
    defer { close(file) }
    let text = withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) { buffer in
      String(decoding: buffer[..<max(0, read(file, buffer.baseAddress, buffer.count))], as: UTF8.self)
    }
    // Pages of the whole address space, then those in memory.
    let columns = text.split(separator: " ")
    return columns.count > 1 ? (UInt64(columns[1]) ?? 0) * UInt64(getpagesize()) : 0
  }
}
