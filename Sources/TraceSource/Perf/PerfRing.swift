internal import CTraceFS
internal import Glibc
internal import SystemPackage
internal import TraceFormat

/// A mapped ring into which the kernel writes records of one CPU, and its owner.
///
/// Head and tail count bytes since the beginning and never wrap; the kernel owns the head, this value the tail, and bytes
/// between them are not written to. Records are whole multiples of 8 bytes, so that a header never goes over the end.
///
/// Invariant that makes the pointers sound: `control` is a mapping of one page and `size` bytes, `size` a power of two,
/// until `deinit`; offsets into it are masked by `size` − 1; what `head` claims beyond `size` is refused.
struct PerfRing: ~Copyable {
  private let control: UnsafeMutableRawPointer
  private let data: UnsafeMutableRawPointer
  /// The number of bytes that the ring has for records.
  let size: Int
  private let pageSize: Int
  /// The memory where a record that goes over the ring's end is put together.
  private let whole: UnsafeMutableRawBufferPointer
  private var head: UInt64
  private var tail: UInt64
  /// The position up to which the kernel may write again.
  private var released: UInt64
  /// How often records were given up because their lengths made no sense.
  private(set) var malformed: UInt64 = 0

  /// The most bytes of a record, whose length is a u16.
  private static let largestRecord = 1 << 16

  /// Maps the ring of the event open as `descriptor`. `wanted`: bytes, a power of two and at least a page; halved until the
  /// kernel grants it.
  init(mapping descriptor: FileDescriptor, size wanted: Int) throws(Errno) {
    pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
    var size = wanted
    while true {
      let memory = mmap(nil, pageSize + size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.rawValue, 0)
      if memory != MAP_FAILED, let memory {
        control = memory
        break
      }
      let error = Errno(rawValue: errno)
      // ENOMEM: no memory; EPERM: more than kernel.perf_event_mlock_kb and RLIMIT_MEMLOCK allow.
      guard error == .noMemory || error == .notPermitted, size > Self.largestRecord * 2 else { throw error }
      size /= 2
    }
    self.size = size
    data = control + pageSize
    whole = .allocate(byteCount: Self.largestRecord, alignment: 8)
    head = kdelay_perf_head(control)
    tail = 0
    released = 0
  }

  deinit {
    munmap(control, pageSize + size)
    whole.deallocate()
  }

  /// Looks for what the kernel has written since.
  mutating func refresh() {
    head = kdelay_perf_head(control)
    if head &- tail > UInt64(size) { giveUp() }
  }

  /// The next record, valid until `advance`; nil where there is none that was there at the last `refresh`.
  mutating func peek() -> UnsafeRawBufferPointer? {
    let available = Int(head &- tail)
    guard available >= PerfRecordDecoder.headerSize else { return nil }
    let offset = Int(tail) & (size &- 1)
    let length = Int((data + offset).load(fromByteOffset: 6, as: UInt16.self))
    guard length >= PerfRecordDecoder.headerSize, length <= available, length & 7 == 0 else {
      giveUp()
      return nil
    }
    let first = size &- offset
    if length <= first { return UnsafeRawBufferPointer(start: data + offset, count: length) }
    whole.baseAddress?.copyMemory(from: data + offset, byteCount: first)
    (whole.baseAddress.map { $0 + first })?.copyMemory(from: data, byteCount: length &- first)
    return UnsafeRawBufferPointer(rebasing: whole[..<length])
  }

  /// Steps over a record of `length` bytes, which `peek` gave.
  mutating func advance(_ length: Int) {
    tail &+= UInt64(length)
    // The kernel gets room back while the rest is still being read.
    if tail &- released >= UInt64(size / 8) { release() }
  }

  /// Gives what was read back to the kernel.
  mutating func release() {
    guard tail != released else { return }
    kdelay_perf_set_tail(control, tail)
    released = tail
  }

  private mutating func giveUp() {
    malformed += 1
    tail = head
    release()
  }
}
