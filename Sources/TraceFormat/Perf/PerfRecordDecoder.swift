internal import TraceModel

/// Decodes single records, of a ring or of a perf.data file: a pure function of bytes and layout that allocates nothing.
package struct PerfRecordDecoder: Sendable {
  package let layout: PerfRecordLayout

  package init(layout: PerfRecordLayout) { self.layout = layout }

  // PERF_RECORD_…
  private static let mmap: UInt32 = 1
  package static let lost: UInt32 = 2
  package static let comm: UInt32 = 3
  package static let exit: UInt32 = 4
  private static let throttle: UInt32 = 5
  private static let unthrottle: UInt32 = 6
  package static let fork: UInt32 = 7
  package static let sample: UInt32 = 9
  private static let mmap2: UInt32 = 10
  private static let lostSamples: UInt32 = 13
  private static let contextSwitch: UInt32 = 14
  private static let contextSwitchOfCPU: UInt32 = 15

  // Bits of the header's `misc`, whose meaning depends on the type.
  private static let isMappedData: UInt16 = 1 << 13
  private static let isExec: UInt16 = 1 << 13
  private static let isSwitchOut: UInt16 = 1 << 13
  private static let isPreempted: UInt16 = 1 << 14
  private static let hasBuildID: UInt16 = 1 << 14

  /// The number of bytes of a record's header: type, misc, size.
  package static let headerSize = 8

  /// Length of the record that begins here, by its header; nil where that is no possible length or exceeds the bytes.
  package static func length(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= headerSize else { return nil }
    let length = Int(bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
    return length >= headerSize && length <= bytes.count ? length : nil
  }

  /// The time of one whole record, ns, without decoding it; 0 where it has none.
  @inline(__always)
  package func timestamp(_ record: UnsafeRawBufferPointer) -> UInt64 {
    guard record.count >= Self.headerSize else { return 0 }
    let isSample = record.loadUnaligned(as: UInt32.self) == Self.sample
    let offset = isSample ? layout.sampleTimeOffset : record.count &- layout.stampTimeDistance
    guard offset >= Self.headerSize, offset &+ 8 <= record.count else { return 0 }
    return record.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }

  /// The process of one whole sample, without decoding it; nil where it has none.
  package func process(_ record: UnsafeRawBufferPointer) -> Int32? {
    let before = layout.sampleType & (PerfRecordLayout.identifierFirst | PerfRecordLayout.ip)
    let offset = Self.headerSize + 8 * before.nonzeroBitCount
    guard layout.sampleType & PerfRecordLayout.tid != 0, offset + 8 <= record.count else { return nil }
    return record.loadUnaligned(fromByteOffset: offset, as: Int32.self)
  }

  /// The CPU of one whole record, without decoding it; nil where it has none.
  package func cpu(_ record: UnsafeRawBufferPointer) -> UInt32? {
    guard record.count >= Self.headerSize else { return nil }
    let isSample = record.loadUnaligned(as: UInt32.self) == Self.sample
    let offset = isSample ? layout.sampleCPUOffset : record.count &- layout.stampCPUDistance
    guard offset >= Self.headerSize, offset &+ 8 <= record.count else { return nil }
    return record.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
  }

  /// Decodes one whole record. Never reads outside `record`, whatever it holds.
  package func decode(_ record: UnsafeRawBufferPointer) throws(PerfRecordFailure) -> PerfRecord {
    var header = try PerfRecordBytes(record, from: 0, to: record.count)
    let type: UInt32 = try header.next()
    let misc: UInt16 = try header.next()
    guard try Int(header.next(UInt16.self)) == record.count else { throw .inconsistent }
    if type == Self.sample { return .sample(try sample(record)) }

    let stamp = try stamp(record)
    var bytes = try PerfRecordBytes(record, from: Self.headerSize, to: record.count - layout.stampSize)
    switch type {
    case Self.mmap, Self.mmap2: return .mapping(try mapping(&bytes, type == Self.mmap2, misc, stamp))
    case Self.comm:
      let (pid, tid) = (try bytes.next(Int32.self), try bytes.next(Int32.self))
      return .name(PerfName(stamp: stamp, pid: pid, tid: tid, name: bytes.text(), isExec: misc & Self.isExec != 0))
    case Self.fork: return .fork(try task(&bytes, stamp))
    case Self.exit: return .exit(try task(&bytes, stamp))
    case Self.lost:
      _ = try bytes.next(UInt64.self)  // the event whose record found no room last
      return .lost(count: try bytes.next(), stamp: stamp)
    case Self.lostSamples: return .lostSamples(count: try bytes.next(), stamp: stamp)
    case Self.contextSwitch, Self.contextSwitchOfCPU:
      let isOut = misc & Self.isSwitchOut != 0
      return .contextSwitch(isOut: isOut, isPreempted: isOut && misc & Self.isPreempted != 0, stamp: stamp)
    case Self.throttle: return .throttle(stamp)
    case Self.unthrottle: return .unthrottle(stamp)
    default: return .other(type: type, stamp: stamp)
    }
  }

  // MARK: Samples

  private func sample(_ record: UnsafeRawBufferPointer) throws(PerfRecordFailure) -> PerfSample {
    var bytes = try PerfRecordBytes(record, from: Self.headerSize, to: record.count)
    var sample = PerfSample(registers: UserRegisters(layout.architecture))
    if has(PerfRecordLayout.identifierFirst) { sample.stamp.identifier = try bytes.next() }
    if has(PerfRecordLayout.ip) { sample.instructionPointer = try bytes.next() }
    if has(PerfRecordLayout.tid) {
      sample.stamp.pid = try bytes.next()
      sample.stamp.tid = try bytes.next()
    }
    if has(PerfRecordLayout.time) { sample.stamp.timestamp = try bytes.next() }
    if has(PerfRecordLayout.address) { _ = try bytes.next(UInt64.self) }
    if has(PerfRecordLayout.id) { sample.stamp.identifier = try bytes.next() }
    if has(PerfRecordLayout.streamID) { _ = try bytes.next(UInt64.self) }
    if has(PerfRecordLayout.cpu) { sample.stamp.cpu = UInt32(truncatingIfNeeded: try bytes.next(UInt64.self)) }
    if has(PerfRecordLayout.period) { _ = try bytes.next(UInt64.self) }
    if has(PerfRecordLayout.read) { try skipRead(&bytes) }
    if has(PerfRecordLayout.callchain) { try callchain(&bytes, &sample) }
    if has(PerfRecordLayout.raw) { sample.raw = try bytes.span(UInt64(try bytes.next(UInt32.self))) }
    if has(PerfRecordLayout.userRegisters) { try registers(&bytes, &sample) }
    if has(PerfRecordLayout.userStack) { try stack(&bytes, &sample) }
    return sample
  }

  @inline(__always)
  private func has(_ bit: UInt64) -> Bool { layout.sampleType & bit != 0 }

  /// `struct read_format`: a group says how many values follow, each with what the format adds.
  private func skipRead(_ bytes: inout PerfRecordBytes) throws(PerfRecordFailure) {
    let format = layout.readFormat
    let times = (format & (PerfRecordLayout.totalTimeEnabled | PerfRecordLayout.totalTimeRunning)).nonzeroBitCount
    let each = 1 + (format & (PerfRecordLayout.formatID | PerfRecordLayout.formatLost)).nonzeroBitCount
    let values = format & PerfRecordLayout.group != 0 ? try bytes.next(UInt64.self) : 1
    _ = try bytes.span(UInt64(times), of: 8)
    _ = try bytes.span(values, of: 8 * each)
  }

  // Addresses this high (`PERF_CONTEXT_MAX`) say what those behind them are.
  private static let firstContext = UInt64(bitPattern: -4095)
  private static let kernelContext = UInt64(bitPattern: -128)
  private static let userContext = UInt64(bitPattern: -512)

  private func callchain(_ bytes: inout PerfRecordBytes, _ sample: inout PerfSample) throws(PerfRecordFailure) {
    let chain = try bytes.span(try bytes.next(), of: 8)
    let end = chain.offset &+ chain.length
    var offset = chain.offset
    while offset < end {
      let context = bytes.word(at: offset)
      // Before the first marker stands nothing that could be told apart.
      offset &+= 8
      guard context >= Self.firstContext else { continue }
      let start = offset
      while offset < end, bytes.word(at: offset) < Self.firstContext { offset &+= 8 }
      let span = ByteSpan(offset: start, length: offset &- start)
      if context == Self.kernelContext { sample.kernelCallchain = span }
      if context == Self.userContext { sample.userCallchain = span }
    }
  }

  private func registers(_ bytes: inout PerfRecordBytes, _ sample: inout PerfSample) throws(PerfRecordFailure) {
    let abi: UInt64 = try bytes.next()
    guard abi != 0 else { return }  // PERF_SAMPLE_REGS_ABI_NONE: no user space, no registers
    var registers = UserRegisters(layout.architecture, is32Bit: abi == 1)
    var mask = layout.registerMask
    while mask != 0 {
      let value: UInt64 = try bytes.next()
      if let number = layout.architecture.dwarfNumber(ofKernelRegister: mask.trailingZeroBitCount) {
        registers[number] = value
      }
      mask &= mask &- 1
    }
    sample.registers = registers
  }

  private func stack(_ bytes: inout PerfRecordBytes, _ sample: inout PerfSample) throws(PerfRecordFailure) {
    let dumped = try bytes.span(try bytes.next())
    guard dumped.length > 0 else { return }
    let valid: UInt64 = try bytes.next()
    guard valid <= UInt64(dumped.length) else { throw .inconsistent }
    sample.dumpSize = dumped.length
    sample.userStack = ByteSpan(offset: dumped.offset, length: Int(valid))
  }

  // MARK: Other records

  /// `struct sample_id`, at the record's end.
  private func stamp(_ record: UnsafeRawBufferPointer) throws(PerfRecordFailure) -> PerfStamp {
    var stamp = PerfStamp()
    guard layout.stampSize > 0 else { return stamp }
    guard record.count >= Self.headerSize + layout.stampSize else { throw .truncated }
    var bytes = try PerfRecordBytes(record, from: record.count - layout.stampSize, to: record.count)
    if has(PerfRecordLayout.tid) {
      stamp.pid = try bytes.next()
      stamp.tid = try bytes.next()
    }
    if has(PerfRecordLayout.time) { stamp.timestamp = try bytes.next() }
    if has(PerfRecordLayout.id) { stamp.identifier = try bytes.next() }
    if has(PerfRecordLayout.streamID) { _ = try bytes.next(UInt64.self) }
    if has(PerfRecordLayout.cpu) { stamp.cpu = UInt32(truncatingIfNeeded: try bytes.next(UInt64.self)) }
    if has(PerfRecordLayout.identifierFirst) { stamp.identifier = try bytes.next() }
    return stamp
  }

  private func mapping(
    _ bytes: inout PerfRecordBytes, _ isSecond: Bool, _ misc: UInt16, _ stamp: PerfStamp
  ) throws(PerfRecordFailure) -> PerfMapping {
    var mapping = PerfMapping(
      stamp: stamp, pid: try bytes.next(), tid: try bytes.next(), start: try bytes.next(), length: try bytes.next(),
      fileOffset: try bytes.next(), path: .empty, isData: misc & Self.isMappedData != 0)
    if isSecond {
      if misc & Self.hasBuildID != 0 {
        let size = try bytes.next(UInt32.self) & 0xFF  // u8 size, u8, u16 reserved
        guard size <= 20 else { throw .inconsistent }
        mapping.buildID = ByteSpan(offset: try bytes.span(20).offset, length: Int(size))
      } else {
        mapping.deviceMajor = try bytes.next()
        mapping.deviceMinor = try bytes.next()
        mapping.inode = try bytes.next()
        mapping.inodeGeneration = try bytes.next()
      }
      mapping.protection = try bytes.next()
      _ = try bytes.next(UInt32.self)  // MAP_ flags
    }
    mapping.path = bytes.text()
    return mapping
  }

  private func task(_ bytes: inout PerfRecordBytes, _ stamp: PerfStamp) throws(PerfRecordFailure) -> PerfTask {
    let (pid, parentPid) = (try bytes.next(Int32.self), try bytes.next(Int32.self))
    let (tid, parentTid) = (try bytes.next(Int32.self), try bytes.next(Int32.self))
    var task = PerfTask(stamp: stamp, pid: pid, tid: tid, parentPid: parentPid, parentTid: parentTid)
    // It has a time of its own, which is there without a stamp too.
    let time: UInt64 = try bytes.next()
    if task.stamp.timestamp == 0 { task.stamp.timestamp = time }
    return task
  }
}
