/// How the records of one event of another machine become those of a little-endian 64-bit one.
///
/// Fields keep their order. A `long` or pointer of a 32-bit machine takes 8 bytes instead of 4, so that what follows it moves up. No field is
/// aligned then, which `PageDecoder` does not need; so a record's data never becomes more than twice as long.
struct RecordTranslation: Sendable {
  /// A field: a number, an array of them, or text.
  struct Move: Sendable, BitwiseCopyable {
    /// Where the field begins in a record of theirs and of ours, bytes.
    var source: Int
    var target: Int
    /// The number of bytes of an element: 1, 2, 4 or 8.
    var sourceSize: Int
    var targetSize: Int
    /// The number of elements.
    var count: Int
    var isSigned = false
    /// Whether it is a u32 of (length << 16 | offset) that points behind the fields.
    var isLocation = false
  }

  /// The fields, in order.
  let moves: [Move]
  /// Where the fields end, and what they point to begins: in a record of theirs and of ours, bytes.
  let sourceEnd: Int
  let targetEnd: Int
  /// Whether the last field is an array that a record may have more or fewer elements of than the format says, as a kernel's stack is.
  let runsOn: Bool
  /// The format of the translated records.
  let format: EventFormat

  /// The largest number of bytes that a record's fields take, in either machine; the offsets of a recipe have 16 bits.
  private static let limit = 1 << 15

  /// Plans the translation of a format's records. Fails where fields lie one over the other.
  init(_ format: EventFormat, _ layout: PageLayout) throws(FormatError) {
    var translated = format
    var moves: [Move] = []
    var (source, target) = (0, 0)
    let fields = format.fields.sorted { ($0.value.offset, $0.key) < ($1.value.offset, $1.key) }
    for (name, field) in fields {
      guard field.offset >= source else { throw .overlappingField(format.name, name) }
      // What lies between two fields is padding.
      target += field.offset - source
      let (move, size) = Self.move(field, layout, target: target)
      moves.append(move)
      translated.fields[name]?.offset = target
      translated.fields[name]?.size = size
      source = field.offset + field.size
      target += size
    }
    guard source <= Self.limit, target <= Self.limit else { throw .unexpectedSize(format.name, "record", source) }
    self.moves = moves
    (sourceEnd, targetEnd) = (source, target)
    let last = fields.last?.value
    runsOn = last?.elements != 1 && last?.isDynamic == false && !fields.contains { $0.value.isDynamic }
    self.format = translated
  }

  /// How a field moves, and the number of bytes that it takes then.
  private static func move(_ field: EventFormat.Field, _ layout: PageLayout, target: Int) -> (Move, size: Int) {
    var element = field.isLong ? layout.longSize : 1
    if field.elements > 0, field.size % field.elements == 0 { element = field.size / field.elements }
    // A structure, or what else is no number.
    if ![1, 2, 4, 8].contains(element) || field.size % element != 0 { element = 1 }
    let targetElement = field.isLong && element == 4 && layout.longSize == 4 ? 8 : element
    let count = field.size / element
    let move = Move(
      source: field.offset, target: target, sourceSize: element, targetSize: targetElement, count: count,
      isSigned: field.isSigned, isLocation: field.isDynamic)
    return (move, count * targetElement)
  }

  /// Writes the translation of a record's data to `room`, which has twice its bytes or more; returns the number of bytes. Of a record
  /// that is too short for its event what fits is there, so that it is too short afterwards too.
  func translate(
    _ record: UnsafeRawBufferPointer, _ byteOrder: PageLayout.ByteOrder, into room: UnsafeMutableRawBufferPointer
  ) -> Int {
    var length = 0
    for (index, move) in moves.enumerated() {
      let fitting = max(0, record.count - move.source) / move.sourceSize
      let count = runsOn && index == moves.count - 1 ? fitting : min(move.count, fitting)
      copy(move, count, record, byteOrder, room)
      length = max(length, move.target + count * move.targetSize)
      if count < move.count { return length }
    }
    guard !runsOn, record.count > sourceEnd else { return length }
    // Text, which the fields point to, or the zeros that fill the last word.
    let rest = record[sourceEnd...]
    UnsafeMutableRawBufferPointer(rebasing: room[targetEnd...]).copyBytes(from: rest)
    return targetEnd + rest.count
  }

  private func copy(
    _ move: Move, _ count: Int, _ record: UnsafeRawBufferPointer, _ byteOrder: PageLayout.ByteOrder,
    _ room: UnsafeMutableRawBufferPointer
  ) {
    guard count > 0 else { return }
    if move.sourceSize == 1 {
      UnsafeMutableRawBufferPointer(rebasing: room[move.target...])
        .copyBytes(from: record[move.source..<move.source + count])
      return
    }
    for index in 0..<count {
      var value = record.number(at: move.source + index * move.sourceSize, size: move.sourceSize, byteOrder)
      if move.targetSize > move.sourceSize, move.isSigned {
        value = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value)))
      }
      if move.isLocation, value & 0xFFFF >= UInt64(sourceEnd) { value &+= UInt64(targetEnd - sourceEnd) }
      room.store(value, at: move.target + index * move.targetSize, size: move.targetSize)
    }
  }
}

extension UnsafeRawBufferPointer {
  /// The number of `size` bytes, 2, 4 or 8, at `offset`, which lies within.
  func number(at offset: Int, size: Int, _ byteOrder: PageLayout.ByteOrder) -> UInt64 {
    switch (size, byteOrder) {
    case (2, .little): UInt64(loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    case (2, .big): UInt64(loadUnaligned(fromByteOffset: offset, as: UInt16.self).byteSwapped)
    case (4, .little): UInt64(loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    case (4, .big): UInt64(loadUnaligned(fromByteOffset: offset, as: UInt32.self).byteSwapped)
    case (_, .little): loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    case (_, .big): loadUnaligned(fromByteOffset: offset, as: UInt64.self).byteSwapped
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Stores a number of `size` bytes, 2, 4 or 8, little-endian at `offset`, which lies within.
  func store(_ value: UInt64, at offset: Int, size: Int) {
    switch size {
    case 2: storeBytes(of: UInt16(truncatingIfNeeded: value), toByteOffset: offset, as: UInt16.self)
    case 4: storeBytes(of: UInt32(truncatingIfNeeded: value), toByteOffset: offset, as: UInt32.self)
    default: storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
    }
  }
}
