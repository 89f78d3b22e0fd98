/// Something that the target's processes did to themselves, as an unwinder must know it.
package struct ProcessChange: Sendable, Equatable {
  package enum Kind: Sendable, Equatable {
    case mapped(CodeMapping)
    /// The thread has another name. By exec, all of the process's mappings and other threads are gone too.
    case renamed(String, byExec: Bool)
    /// The task is new. If it has the same pid as its parent, it is a thread.
    case created(parentPid: Int32, parentTid: Int32)
    case exited
  }

  /// The time of the change, CLOCK_MONOTONIC, ns.
  package var timestamp: UInt64
  package var pid: Int32
  package var tid: Int32
  package var kind: Kind

  package init(timestamp: UInt64, pid: Int32, tid: Int32, kind: Kind) {
    self.timestamp = timestamp
    self.pid = pid
    self.tid = tid
    self.kind = kind
  }
}

/// Code that a process mapped; what was mapped there before is gone.
package struct CodeMapping: Sendable, Equatable {
  package var start: UInt64
  /// The length of the mapping, bytes.
  package var length: UInt64
  /// The offset of the mapping in the file, bytes.
  package var fileOffset: UInt64
  /// The file's path as the process sees it, or `//anon`, `[vdso]`.
  package var path: String
  /// The file's build-id; empty where the kernel could not read it. Then the file is known by device and inode.
  package var buildID: [UInt8]
  package var deviceMajor: UInt32
  package var deviceMinor: UInt32
  package var inode: UInt64
  /// For memory that is no file's, the files' mappings that it begins behind or ends before. A program that moves its code to
  /// large pages copies it, and puts the copy where the code was.
  package var neighbours: [CodeMapping] = []

  /// Whether the mapping is memory that can hold a copy of code. Large pages and shared memory have files of their own, without
  /// names.
  package var hasNoFile: Bool {
    ["//anon", "[anon", "/anon_hugepage", "/memfd:", "/dev/zero", "/SYSV"].contains { path.hasPrefix($0) }
  }

  package init(
    start: UInt64, length: UInt64, fileOffset: UInt64, path: String, buildID: [UInt8] = [], deviceMajor: UInt32 = 0,
    deviceMinor: UInt32 = 0, inode: UInt64 = 0
  ) {
    self.start = start
    self.length = length
    self.fileOffset = fileOffset
    self.path = path
    self.buildID = buildID
    self.deviceMajor = deviceMajor
    self.deviceMinor = deviceMinor
    self.inode = inode
  }
}
