internal import Glibc

/// A regular file that is open for reading until the last who reads it is gone: on several threads, whatever becomes of its
/// path.
final class ImageFile: Sendable {
  let descriptor: Int32
  /// The size of the file when it was opened, bytes.
  let size: UInt64
  let inode: UInt64
  let device: DeviceNumber?

  /// Opens a regular file; `O_NONBLOCK` because opening a FIFO or a device by mistake must not wait.
  init(path: String) throws(ImageError) {
    descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .cannotOpen(path: path, errno: errno) }
    var status = stat()
    let isKnown = fstat(descriptor, &status) == 0
    size = UInt64(max(0, status.st_size))
    inode = UInt64(status.st_ino)
    device = DeviceNumber(status: UInt64(status.st_dev))
    guard isKnown else { throw .cannotOpen(path: path, errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegularFile(path: path) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }
}
