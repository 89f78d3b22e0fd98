/// A stretch of a process's addresses that has a name.
package struct FileMapping: Sendable, Equatable {
  package var addresses: Range<UInt64>
  /// The file's path as the process sees it, or the kernel's name for what is there ("[heap]").
  package var path: String

  package init(addresses: Range<UInt64>, path: String) {
    self.addresses = addresses
    self.path = path
  }
}
