/// Finds what in a program's code may jump or call to some place, without decoding it.
///
/// Every byte is taken for the start of a jump or a call, with a distance of 32 bits or a short one, so
/// that no direct jump is missed, whatever the code around it is. What is found may be a part of another instruction.
package struct BranchScan: Sendable {
  /// The number of bytes by which stretches have to overlap: those of the longest form that is looked for, a conditional jump,
  /// behind its first byte.
  package static let overlap = 6

  /// The addresses that are looked for.
  private let places: ClosedRange<UInt64>

  package init(to places: ClosedRange<UInt64>) { self.places = places }

  /// Addresses of possible jumps in the bytes at `start`. Stretches that are scanned one after the other have to overlap by
  /// `overlap` bytes.
  package func branches(in bytes: UnsafeRawBufferPointer, start: UInt64) -> [UInt64] {
    var found: [UInt64] = []
    let count = bytes.count
    var offset = 0
    while offset < count {
      let byte = bytes[offset]
      let address = start &+ UInt64(offset)
      if byte & 0xFE == 0xE8 {
        if reaches(bytes, offset + 1, start) { found.append(address) }
      } else if byte == 0x0F, offset + 1 < count, bytes[offset + 1] & 0xF0 == 0x80 {
        if reaches(bytes, offset + 2, start) { found.append(address) }
      } else if byte == 0xEB || byte & 0xF0 == 0x70 || byte & 0xFC == 0xE0, offset + 1 < count {
        let target = address &+ 2 &+ UInt64(bitPattern: Int64(Int8(bitPattern: bytes[offset + 1])))
        if places.contains(target) { found.append(address) }
      }
      offset += 1
    }
    return found
  }

  /// Whether the distance of 32 bits at `offset`, which ends the instruction, leads to a place.
  @inline(__always)
  private func reaches(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ start: UInt64) -> Bool {
    guard offset + 4 <= bytes.count else { return false }
    let distance = Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
    return places.contains(start &+ UInt64(offset + 4) &+ UInt64(bitPattern: Int64(distance)))
  }
}
