internal import CCompression

/// How parts of a recording are compressed.
package enum Compression: String, Sendable {
  case none
  case zlib
  case zstd

  /// Unpacks `packed`, one whole block, into `room`; returns how many bytes it fills, or nil where the block is damaged or there
  /// is too little room.
  func unpack(_ packed: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) -> Int? {
    switch self {
    case .none:
      guard packed.count <= room.count else { return nil }
      room.copyMemory(from: packed)
      return packed.count
    case .zlib:
      var count = uLongf(room.count)
      let status = uncompress(
        room.baseAddress?.assumingMemoryBound(to: Bytef.self), &count,
        packed.baseAddress?.assumingMemoryBound(to: Bytef.self), uLong(packed.count))
      return status == Z_OK ? Int(count) : nil
    case .zstd:
      let count = ZSTD_decompress(room.baseAddress, room.count, packed.baseAddress, packed.count)
      return ZSTD_isError(count) == 0 ? count : nil
    }
  }
}
