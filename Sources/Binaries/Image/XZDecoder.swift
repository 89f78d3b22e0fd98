internal import Glibc
internal import TraceModel

/// Unpacks .gnu_debugdata by liblzma, which is looked for only then: elfutils brings the library, not its headers.
///
/// The declarations are those of lzma/container.h, whose ABI liblzma has kept since 5.0.
enum XZDecoder {
  /// The most unpacked bytes; Fedora's largest are a few megabytes.
  static let outputLimit = 256 << 20
  private static let memoryLimit: UInt64 = 256 << 20

  /// `lzma_ret lzma_stream_buffer_decode(uint64_t *memlimit, uint32_t flags, const lzma_allocator *, const uint8_t *in,
  /// size_t *in_pos, size_t in_size, uint8_t *out, size_t *out_pos, size_t out_size)`
  private typealias Decode =
    @convention(c) (
      UnsafeMutablePointer<UInt64>, UInt32, UnsafeRawPointer?, UnsafePointer<UInt8>?, UnsafeMutablePointer<Int>, Int,
      UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<Int>, Int
    ) -> Int32

  /// Unpacks one whole .xz stream; nil if it is damaged or unpacks to more than the limit, or if there is no liblzma.
  static func decode(_ input: SectionBytes) -> ImageBytes? {
    guard let library = dlopen("liblzma.so.5", RTLD_NOW | RTLD_LOCAL),
      let symbol = dlsym(library, "lzma_stream_buffer_decode")
    else { return nil }
    let decode = unsafeBitCast(symbol, to: Decode.self)
    // The unpacked size is not to be had beforehand, and a second go costs no more than the first.
    var capacity = min(max(input.count * 8, 1 << 16), outputLimit)
    while true {
      guard let output = malloc(capacity) else { return nil }
      var (limit, consumed, produced) = (memoryLimit, 0, 0)
      let status = input.bytes.withUnsafeBufferPointer {
        decode(
          &limit, 0, nil, $0.baseAddress, &consumed, $0.count, output.assumingMemoryBound(to: UInt8.self), &produced,
          capacity)
      }
      if status == 0 {
        return ImageBytes(adopting: UnsafeMutableRawBufferPointer(start: output, count: produced))
      }
      free(output)
      // LZMA_BUF_ERROR: the output is too small, or the input ends early.
      guard status == 10, capacity < outputLimit else { return nil }
      capacity = min(capacity * 4, outputLimit)
    }
  }
}

extension ELFImage {
  /// The image with the symbols that Fedora keeps in a stripped one (.gnu_debugdata); nil without such, or if it is
  /// damaged.
  package var debugData: ELFImage? {
    guard let section = section(named: ".gnu_debugdata"), section.size < XZDecoder.outputLimit,
      let data = try? data(of: section), let bytes = XZDecoder.decode(data)
    else { return nil }
    return try? ELFImage(bytes: bytes, path: "\(path) (.gnu_debugdata)")
  }
}
