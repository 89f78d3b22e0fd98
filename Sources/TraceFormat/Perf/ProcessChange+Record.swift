package import TraceModel

extension ProcessChange {
  /// What a record other than a sample says; nil where it is none of these. Copies the texts: these records are few.
  package init?(_ record: PerfRecord, _ bytes: UnsafeRawBufferPointer) {
    func text(_ span: ByteSpan) -> String {
      String(decoding: bytes[span.offset..<span.offset + span.length], as: UTF8.self)
    }
    switch record {
    case .mapping(let mapping):
      guard !mapping.isData else { return nil }
      self.init(
        timestamp: mapping.stamp.timestamp, pid: mapping.pid, tid: mapping.tid,
        kind: .mapped(
          CodeMapping(
            start: mapping.start, length: mapping.length, fileOffset: mapping.fileOffset, path: text(mapping.path),
            buildID: Array(bytes[mapping.buildID.offset..<mapping.buildID.offset + mapping.buildID.length]),
            deviceMajor: mapping.deviceMajor, deviceMinor: mapping.deviceMinor, inode: mapping.inode)))
    case .name(let name):
      self.init(
        timestamp: name.stamp.timestamp, pid: name.pid, tid: name.tid,
        kind: .renamed(text(name.name), byExec: name.isExec))
    case .fork(let task):
      self.init(
        timestamp: task.stamp.timestamp, pid: task.pid, tid: task.tid,
        kind: .created(parentPid: task.parentPid, parentTid: task.parentTid))
    case .exit(let task):
      self.init(timestamp: task.stamp.timestamp, pid: task.pid, tid: task.tid, kind: .exited)
    default: return nil
    }
  }
}
