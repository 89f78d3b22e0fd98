internal import Glibc
package import SystemPackage

/// A file descriptor that is closed exactly once, at the latest when its owner goes.
package struct OwnedDescriptor: ~Copyable {
  package private(set) var descriptor: FileDescriptor
  private var isOwned = true

  package init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

  deinit { if isOwned { try? descriptor.close() } }

  /// Whether there is something to read now; for a pidfd, whether its process has ended.
  package var isReadable: Bool {
    var entry = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
    return (try? uninterrupted { poll(&entry, 1, 0) }) ?? 0 > 0
  }

  /// Hands the descriptor over to a caller that closes it.
  package consuming func take() -> FileDescriptor {
    isOwned = false
    return descriptor
  }
}
