internal import Glibc
internal import SystemCalls

/// The bytes of an image: a file's, or memory that an image was decompressed to. Freed with their owner.
///
/// A file is read by `pread` and never mapped: its owner may truncate it at any time, and a load beyond the end of a
/// mapped file is a SIGBUS.
struct ImageBytes: ~Copyable {
  enum Storage {
    case file(ImageFile)
    case memory(UnsafeMutableRawBufferPointer)
  }

  let storage: Storage
  /// The number of bytes; for a file, its size when it was opened.
  let size: UInt64

  /// Opens a regular file.
  init(path: String) throws(ImageError) { self.init(of: try ImageFile(path: path)) }

  /// The bytes of a file that is open.
  init(of file: ImageFile) {
    storage = .file(file)
    size = file.size
  }

  /// Takes over memory that `malloc` gave.
  init(adopting memory: UnsafeMutableRawBufferPointer) {
    storage = .memory(memory)
    size = UInt64(memory.count)
  }

  deinit {
    if case .memory(let memory) = storage { free(memory.baseAddress) }
  }

  /// The `count` bytes from `offset` on; nil if not all of them are there (any more).
  func read(at offset: UInt64, count: UInt64) -> [UInt8]? {
    guard offset <= size, count <= size - offset, let count = Int(exactly: count) else { return nil }
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
      let room = UnsafeMutableRawBufferPointer(buffer)
      done = read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]))
    }
    return bytes.count == count ? bytes : nil
  }

  /// Fills `buffer`, as far as there are bytes, and returns their number.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard offset <= size else { return 0 }
    let count = Int(min(UInt64(buffer.count), size - offset))
    switch storage {
    case .memory(let memory):
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[Int(offset)..<Int(offset) + count]))
      return count
    case .file(let file):
      var done = 0
      while done < count, let base = buffer.baseAddress {
        let read = try? uninterrupted { pread(file.descriptor, base + done, count - done, off_t(offset) + done) }
        guard let read, read > 0 else { break }
        done += read
      }
      return done
    }
  }
}
