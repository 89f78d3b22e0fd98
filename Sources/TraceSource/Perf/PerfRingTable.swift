internal import CTraceFS
internal import Glibc
internal import SystemPackage
internal import TraceFormat
internal import TraceModel

/// The rings of a sampling, one per (CPU, source), read as one stream in order of time, in place.
///
/// A source has rings of its own for two reasons: a flood of one (`sys_exit`) cannot push out the other's records, mappings
/// among them; and the ring says what a sample's source is, which saves an identifier per event and a look-up per sample.
///
/// Invariant that makes the pointer sound: `rings` holds `count` initialised elements of `capacity`; this value is their only
/// owner.
struct PerfRingTable: ~Copyable {
  private struct Key: Hashable {
    var cpu: Int
    var source: StackSampleSource
  }

  /// The first record of a ring that was not passed on.
  private struct Head: BitwiseCopyable {
    var source: StackSampleSource
    /// The record's time, ns; `.max` where there is no record.
    var timestamp: UInt64 = .max
  }

  private let rings: UnsafeMutablePointer<PerfRing>
  private let capacity: Int
  private var heads: FlatArray<Head>
  /// The event whose ring all others of its CPU and source write to.
  private var owners: [Key: (event: FileDescriptor, ring: Int)] = [:]
  /// The number of bytes of one ring, as far as the kernel grants them.
  let ringSize: Int
  /// The ring whose record was given last.
  private var current = 0
  /// The number of bytes of all rings.
  private(set) var bytes = 0

  /// The sizes that a ring can have, bytes. A burst of some milliseconds fits into the smallest. A thread that is switched 12,000
  /// times a second fills the largest in 0.3 s, for which a reader may not get a CPU where others want it too.
  private static let sizes = 512 << 10...32 << 20

  /// Room for the rings of `ringCount` pairs of CPU and source, of `totalBytes` together as far as that gives sensible sizes;
  /// and for more of the same size up to `most`, of CPUs that come online.
  init(ringCount: Int, most: Int = 0, totalBytes: Int) {
    capacity = max(ringCount, most, 1)
    rings = .allocate(capacity: capacity)
    heads = FlatArray(capacity: capacity)
    var size = Self.sizes.upperBound
    while size > Self.sizes.lowerBound, size * max(ringCount, 1) > totalBytes { size /= 2 }
    ringSize = size
  }

  deinit {
    rings.deinitialize(count: heads.count)
    rings.deallocate()
  }

  /// Lets the event open as `event` write to the ring of its CPU and source; the first of them gets the ring, and must stay
  /// open.
  mutating func attach(_ event: FileDescriptor, cpu: Int, source: StackSampleSource) throws(Errno) {
    let key = Key(cpu: cpu, source: source)
    if let owner = owners[key] {
      guard kdelay_perf_redirect(event.rawValue, owner.event.rawValue) == 0 else { throw Errno(rawValue: errno) }
      return
    }
    precondition(heads.count < capacity, "a ring per CPU and source")
    let ring = try PerfRing(mapping: event, size: ringSize)
    bytes += ring.size
    (rings + heads.count).initialize(to: ring)
    heads.append(Head(source: source))
    owners[key] = (event, heads.count - 1)
  }

  /// Whether the event open as `descriptor` has a ring, which goes when it is closed.
  func isOwner(_ descriptor: FileDescriptor) -> Bool { owners.values.contains { $0.event == descriptor } }

  var count: Int { heads.count }

  /// Gives up the rings that were added after there had been `count`; their records are gone.
  mutating func removeLast(downTo count: Int) {
    guard count < heads.count else { return }
    for index in count..<heads.count { bytes -= rings[index].size }
    (rings + count).deinitialize(count: heads.count - count)
    while heads.count > count { _ = heads.removeLast() }
    owners = owners.filter { $0.value.ring < count }
    current = 0
  }

  /// Looks for what the kernel has written since.
  mutating func refresh(_ decoder: PerfRecordDecoder) {
    for index in 0..<heads.count {
      rings[index].refresh()
      readHead(index, decoder)
    }
  }

  /// The earliest record of all rings if it is before `limit`, ns; valid until `advance`.
  @inline(__always)
  mutating func next(
    before limit: UInt64
  ) -> (record: UnsafeRawBufferPointer, source: StackSampleSource, timestamp: UInt64)? {
    var earliest = limit
    var found = false
    for index in 0..<heads.count where heads[index].timestamp < earliest {
      earliest = heads[index].timestamp
      current = index
      found = true
    }
    guard found, let record = rings[current].peek() else { return nil }
    return (record, heads[current].source, earliest)
  }

  /// Steps over the record that `next` gave.
  mutating func advance(over record: UnsafeRawBufferPointer, _ decoder: PerfRecordDecoder) {
    rings[current].advance(record.count)
    readHead(current, decoder)
  }

  private mutating func readHead(_ index: Int, _ decoder: PerfRecordDecoder) {
    heads[index].timestamp = rings[index].peek().map(decoder.timestamp) ?? .max
  }

  /// Gives what was read back to the kernel.
  mutating func release() {
    for index in 0..<heads.count { rings[index].release() }
  }

  /// How often a ring's records were given up because their lengths made no sense.
  var malformed: UInt64 { (0..<heads.count).reduce(0) { $0 + rings[$1].malformed } }
}
