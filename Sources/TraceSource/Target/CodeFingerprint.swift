internal import SystemCalls
internal import TraceModel

/// What decides where a trigger is in a running process: processes that agree in it have all places in common, as those that
/// were forked from one and run its program.
package struct CodeFingerprint: Hashable, Sendable {
  private struct Part: Hashable {
    var major: UInt32
    var minor: UInt32
    var inode: UInt64
    var offset: UInt64
    var length: UInt64
  }

  private let root: FileIdentity?
  private let program: FileIdentity?
  /// Names of files can be relative to it.
  private let workingDirectory: String?
  private let parts: Set<Part>

  package init(of process: TargetProcess) {
    let directory = ProcessDirectory.of(process.pid)
    root = FileIdentity("\(directory)/root")
    program = FileIdentity("\(directory)/exe")
    workingDirectory = try? SystemFiles.link("\(directory)/cwd")
    // Memory without a file counts as one part: it can hold a copy of code, where no probe goes.
    parts = Set(
      CodeMapping.all(of: process.pid).map {
        Part(
          major: $0.deviceMajor, minor: $0.deviceMinor, inode: $0.inode, offset: $0.inode == 0 ? 0 : $0.fileOffset,
          length: $0.inode == 0 ? 0 : $0.length)
      })
  }
}
