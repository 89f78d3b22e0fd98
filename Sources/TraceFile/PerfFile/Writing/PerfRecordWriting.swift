package import TraceModel

/// Records that the kernel does not write, since they tell of what was so before the recording began: as `perf record` makes them
/// (tools/perf/Documentation/perf.data-file-format.txt). Pure functions.
package enum PerfRecordWriting {
  // PERF_RECORD_…, and perf's own from 64 on.
  private static let (mmap, comm, mmap2, lostSamples): (UInt32, UInt32, UInt32, UInt32) = (1, 3, 10, 13)
  private static let finishedRound: UInt32 = 68
  // PERF_RECORD_MISC_…
  private static let (ofKernel, ofUser): (UInt16, UInt16) = (1, 2)
  private static let (byExec, ofData): (UInt16, UInt16) = (1 << 13, 1 << 13)
  private static let hasBuildID: UInt16 = 1 << 14
  /// The most bytes of a build-id in an MMAP2 record.
  private static let buildIDSize = 20
  /// The most bytes of a path: a record's length is a u16.
  private static let pathLimit = 4096

  /// All records before this one are older than those that come behind the next one of its kind.
  package static var roundEnd: [UInt8] { record(finishedRound) { _ in } }

  /// Thread `tid` is called `name` at `time`, ns. `byExec`: all that the process had mapped is gone.
  package static func name(_ name: String, tid: Int32, of pid: Int32, at time: UInt64, byExec: Bool = false) -> [UInt8]
  {
    record(comm, byExec ? Self.byExec | ofUser : ofUser) { bytes in
      bytes.add(pid)
      bytes.add(tid)
      bytes.add(string: String(decoding: name.utf8.prefix(15), as: UTF8.self))
      bytes.pad(to: 8)
      addStamp(&bytes, pid, tid, time, event: 0)
    }
  }

  /// Process `pid` has mapped code, or what else a file holds, at `time`, ns.
  package static func mapping(_ mapping: CodeMapping, of pid: Int32, at time: UInt64, isCode: Bool = true) -> [UInt8] {
    let misc = ofUser | (mapping.buildID.isEmpty ? 0 : hasBuildID) | (isCode ? 0 : ofData)
    return record(mmap2, misc) { bytes in
      bytes.add(pid)
      bytes.add(pid)
      for word in [mapping.start, mapping.length, mapping.fileOffset] { bytes.add(word) }
      if mapping.buildID.isEmpty {
        bytes.add(mapping.deviceMajor)
        bytes.add(mapping.deviceMinor)
        bytes.add(mapping.inode)
        bytes.add(UInt64(0))
      } else {
        let buildID = mapping.buildID.prefix(buildIDSize)
        bytes.add(UInt32(buildID.count))
        bytes.add(buildID)
        bytes.add(repeatElement(0, count: buildIDSize - buildID.count))
      }
      // PROT_READ and PROT_EXEC; MAP_PRIVATE.
      bytes.add(UInt32(isCode ? 5 : 1))
      bytes.add(UInt32(2))
      addPath(mapping.path, to: &bytes)
      addStamp(&bytes, pid, pid, time, event: 0)
    }
  }

  /// Code of the kernel lies at `start`. `reference`: the address of the symbol that the path names behind its bracket, by which
  /// perf finds how far the kernel was moved; 0 for a module.
  package static func kernelMapping(_ path: String, start: UInt64, length: UInt64, reference: UInt64) -> [UInt8] {
    record(mmap, ofKernel) { bytes in
      // The kernel's process is -1, and its thread 0.
      bytes.add(Int32(-1))
      bytes.add(Int32(0))
      for word in [start, length, reference] { bytes.add(word) }
      addPath(path, to: &bytes)
      addStamp(&bytes, -1, 0, 0, event: 0)
    }
  }

  /// `count` samples of event `identifier` were lost, as was seen at `time`, ns.
  package static func lost(_ count: UInt64, of identifier: UInt64, at time: UInt64) -> [UInt8] {
    record(lostSamples) { bytes in
      bytes.add(count)
      addStamp(&bytes, 0, 0, time, event: identifier)
    }
  }

  private static func record(_ type: UInt32, _ misc: UInt16 = 0, _ body: (inout FileBytes) -> Void) -> [UInt8] {
    var bytes = FileBytes()
    bytes.add(type)
    bytes.add(misc)
    bytes.add(UInt16(0))
    body(&bytes)
    bytes.set(UInt16(bytes.bytes.count), at: 6)
    return bytes.bytes
  }

  private static func addPath(_ path: String, to bytes: inout FileBytes) {
    bytes.add(path.utf8.prefix(pathLimit))
    bytes.add([0])
    bytes.pad(to: 8)
  }

  /// What records end in that are not samples, by `PerfFileWriter.sampleType`: TID, TIME, CPU, IDENTIFIER.
  private static func addStamp(_ bytes: inout FileBytes, _ pid: Int32, _ tid: Int32, _ time: UInt64, event: UInt64) {
    bytes.add(pid)
    bytes.add(tid)
    for word in [time, 0, event] { bytes.add(word) }
  }
}
