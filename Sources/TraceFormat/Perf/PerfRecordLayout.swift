package import TraceModel

/// What an event's attributes say about its records' layout (include/uapi/linux/perf_event.h).
package struct PerfRecordLayout: Sendable, Equatable {
  package let sampleType: UInt64
  package let readFormat: UInt64
  /// The registers that samples have, a bit for each: `sample_regs_user`.
  package let registerMask: UInt64
  package let architecture: RegisterArchitecture
  /// Whether records that are not samples end in a stamp: `sample_id_all`.
  package let hasStamps: Bool
  /// The number of bytes from a sample's start to its time; 0 where it has none.
  let sampleTimeOffset: Int
  /// The number of bytes from the end of a record that is no sample back to its time; 0 where it has none.
  let stampTimeDistance: Int
  /// The number of bytes from a sample's start to its CPU; 0 where it has none.
  let sampleCPUOffset: Int
  /// The number of bytes from the end of a record that is no sample back to its CPU; 0 where it has none.
  let stampCPUDistance: Int
  /// The number of bytes of the stamp at a record's end.
  let stampSize: Int

  /// The layout of records with these attributes. Nil where samples carry something of variable size that this decoder does not
  /// know before their stack (branches), or bits that are newer than it.
  package init?(
    sampleType: UInt64, readFormat: UInt64 = 0, registerMask: UInt64, architecture: RegisterArchitecture = .native,
    hasStamps: Bool = true
  ) {
    guard sampleType & Self.branchStack == 0, sampleType < Self.firstUnknown else { return nil }
    self.sampleType = sampleType
    self.readFormat = readFormat
    self.registerMask = registerMask
    self.architecture = architecture
    self.hasStamps = hasStamps
    let before = [Self.identifierFirst, Self.ip, Self.tid].filter { sampleType & $0 != 0 }.count
    sampleTimeOffset = sampleType & Self.time == 0 ? 0 : 8 + 8 * before
    let beforeCPU = Self.identifierFirst | Self.ip | Self.tid | Self.time | Self.address | Self.id | Self.streamID
    sampleCPUOffset = sampleType & Self.cpu == 0 ? 0 : 8 + 8 * (sampleType & beforeCPU).nonzeroBitCount
    let stamped = sampleType & Self.stamped
    let inStamp = hasStamps ? stamped : 0
    stampSize = inStamp.nonzeroBitCount * 8
    let after = inStamp & ~(Self.tid | Self.time)
    stampTimeDistance = inStamp & Self.time == 0 ? 0 : 8 + 8 * after.nonzeroBitCount
    stampCPUDistance = inStamp & Self.cpu == 0 ? 0 : 8 + 8 * (inStamp & Self.identifierFirst).nonzeroBitCount
  }

  // Bits of `sample_type`, PERF_SAMPLE_….
  package static let ip: UInt64 = 1 << 0
  package static let tid: UInt64 = 1 << 1
  package static let time: UInt64 = 1 << 2
  package static let address: UInt64 = 1 << 3
  package static let read: UInt64 = 1 << 4
  package static let callchain: UInt64 = 1 << 5
  package static let id: UInt64 = 1 << 6
  package static let cpu: UInt64 = 1 << 7
  package static let period: UInt64 = 1 << 8
  package static let streamID: UInt64 = 1 << 9
  package static let raw: UInt64 = 1 << 10
  package static let branchStack: UInt64 = 1 << 11
  package static let userRegisters: UInt64 = 1 << 12
  package static let userStack: UInt64 = 1 << 13
  package static let identifierFirst: UInt64 = 1 << 16
  package static let firstUnknown: UInt64 = 1 << 25
  /// What a stamp is made of, in the order TID, TIME, ID, STREAM_ID, CPU, IDENTIFIER.
  package static let stamped = tid | time | id | streamID | cpu | identifierFirst

  // Bits of `read_format`, PERF_FORMAT_….
  package static let totalTimeEnabled: UInt64 = 1 << 0
  package static let totalTimeRunning: UInt64 = 1 << 1
  package static let formatID: UInt64 = 1 << 2
  package static let group: UInt64 = 1 << 3
  package static let formatLost: UInt64 = 1 << 4
}
