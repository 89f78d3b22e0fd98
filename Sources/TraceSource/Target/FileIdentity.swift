internal import SystemPackage

/// What makes two paths the same file.
struct FileIdentity: Hashable {
  private let device: DeviceID
  private let inode: Inode

  init?(_ path: String) {
    guard let status = try? FilePath(path).stat() else { return nil }
    device = status.deviceID
    inode = status.inode
  }
}
