internal import FuzzDriver
internal import Glibc
internal import SystemPackage
internal import TraceFormat
internal import TraceModel

@testable import TraceSource

// A recording, by its first bytes; else eight bytes of sample_type, two of flags, four of register mask, and then a ring's
// contents: read from the ring as the kernel would have written it, at any place of it, and decoded. Nothing may crash, hang
// or read outside a record.

@_cdecl("perf_fuzzer_main")
func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  var count = count
  var arguments = arguments
  return runFuzzer(&count, &arguments) { fuzzOneInput($0, $1) }
}

private let ringSize = 16 << 10
/// A file without a name instead of the kernel's memory.
private let file: CInt = fileno(tmpfile())
/// The file as the kernel sees its ring; libFuzzer calls from one thread.
nonisolated(unsafe) private let memory: UnsafeMutableRawPointer = {
  guard file >= 0, ftruncate(file, off_t(4096 + ringSize)) == 0,
    let memory = mmap(nil, 4096 + ringSize, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), memory != MAP_FAILED
  else { fatalError("perf-fuzzer: no memory for a ring") }
  return memory
}()

func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let whole = UnsafeRawBufferPointer(start: start, count: count)
  if whole.starts(with: "PERFILE2".utf8) {
    fuzzFile(whole)
    return 0
  }
  var input = FuzzInput(start, count)
  let (type, flags, mask) = (input.next(UInt64.self), input.next(UInt16.self), input.next(UInt32.self))
  guard
    let layout = PerfRecordLayout(
      sampleType: type & (PerfRecordLayout.firstUnknown - 1) & ~PerfRecordLayout.branchStack,
      readFormat: UInt64(flags & 31), registerMask: UInt64(mask), architecture: flags & 32 == 0 ? .x86_64 : .arm64,
      hasStamps: flags & 64 != 0)
  else { return 0 }
  let decoder = PerfRecordDecoder(layout: layout)
  var rest = input.rest
  while let length = PerfRecordDecoder.length(rest) {
    decode(UnsafeRawBufferPointer(rebasing: rest[..<length]), decoder)
    rest = UnsafeRawBufferPointer(rebasing: rest[length...])
  }
  drain(input.rest, startingAt: UInt64(flags >> 7) * 32, decoder)
  return 0
}

/// Puts bytes into a ring behind one record of `start` bytes, over the ring's end if need be, and reads them back.
private func drain(_ bytes: UnsafeRawBufferPointer, startingAt start: UInt64, _ decoder: PerfRecordDecoder) {
  let bytes = bytes.prefix(ringSize)
  // data_head at 1024, data_tail at 1032.
  memory.storeBytes(of: 0, toByteOffset: 1024, as: UInt64.self)
  memory.storeBytes(of: 0, toByteOffset: 1032, as: UInt64.self)
  guard var ring = try? PerfRing(mapping: FileDescriptor(rawValue: file), size: ringSize) else { return }
  if start > 0 {
    memory.storeBytes(of: start << 48, toByteOffset: 4096, as: UInt64.self)
    memory.storeBytes(of: start, toByteOffset: 1024, as: UInt64.self)
    ring.refresh()
    guard let first = ring.peek(), first.count == Int(start) else { fatalError("the first record is not there") }
    ring.advance(first.count)
  }
  for (index, byte) in bytes.enumerated() {
    memory.storeBytes(of: byte, toByteOffset: 4096 + (Int(start) + index) % ringSize, as: UInt8.self)
  }
  memory.storeBytes(of: start + UInt64(bytes.count & ~7), toByteOffset: 1024, as: UInt64.self)
  ring.refresh()
  var records = 0
  while let record = ring.peek() {
    decode(record, decoder)
    ring.advance(record.count)
    records += 1
    precondition(records <= ringSize / 8)
  }
}

private func decode(_ record: UnsafeRawBufferPointer, _ decoder: PerfRecordDecoder) {
  _ = decoder.timestamp(record)
  guard let decoded = try? decoder.decode(record) else { return }
  func check(_ span: ByteSpan) {
    precondition(span.offset >= 0 && span.length >= 0 && span.offset + span.length <= record.count)
  }
  switch decoded {
  case .sample(let sample):
    for span in [sample.kernelCallchain, sample.userCallchain, sample.raw, sample.userStack] { check(span) }
  case .mapping(let mapping):
    check(mapping.path)
    check(mapping.buildID)
  case .name(let name): check(name.name)
  default: break
  }
}
