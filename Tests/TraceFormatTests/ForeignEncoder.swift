import TraceTestSupport

@testable import TraceFormat

/// Writes pages of this machine's kernels as another machine's would have written them: the way of `PageTranslator` backwards, by the rules
/// of the C compiler and of kernel/trace/ring_buffer.c.
struct ForeignEncoder {
  let layout: PageLayout
  /// The formats of the other machine's records, by id.
  private(set) var formats: [Int: EventFormat] = [:]
  private let native: [Int: EventFormat]

  init(_ byteOrder: PageLayout.ByteOrder, longSize: Int, _ formats: some Sequence<EventFormat>) throws {
    let data = 8 + longSize
    layout = try PageLayout(
      headerPage: """
        \tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
        \tfield: local_t commit;\toffset:8;\tsize:\(longSize);\tsigned:1;
        \tfield: char data;\toffset:\(data);\tsize:\(8192 - data);\tsigned:1;
        """, byteOrder: byteOrder)
    native = Dictionary(formats.map { ($0.id, $0) }) { $1 }
    for (id, format) in native { self.formats[id] = translated(format) }
  }

  /// The fields as a compiler lays them out that aligns no number to more than a long.
  private func translated(_ format: EventFormat) -> EventFormat {
    var result = format
    var end = 0
    for (name, field) in format.fields.sorted(by: { $0.value.offset < $1.value.offset }) {
      let element = element(field)
      let alignment = min(element.theirs, layout.longSize)
      end = (end + alignment - 1) / alignment * alignment
      result.fields[name]?.offset = end
      result.fields[name]?.size = field.size / element.ours * element.theirs
      end += field.size / element.ours * element.theirs
    }
    return result
  }

  /// The number of bytes of a field's element, here and there.
  private func element(_ field: EventFormat.Field) -> (ours: Int, theirs: Int) {
    let size = field.size / max(1, field.elements)
    return (size, field.isLong ? layout.longSize : size)
  }

  /// A page of this machine as one of the other.
  func page(_ page: [UInt8]) -> [UInt8] {
    var source = HandmadePage(timestamp: 0)
    source.records = page
    let commit = source.word(8, 8)
    let end = min(16 + Int(commit & 0xFFFFF), page.count)
    var records: [UInt8] = []
    var place = 16
    while place + 4 <= end {
      let (type, delta) = (source.word(place, 4) & 31, source.word(place, 4) >> 5)
      switch type {
      case 29:
        // What was discarded keeps its length here.
        records += header(29, delta) + bytes(source.word(place + 4, 4), 4)
        let length = delta == 0 ? end - place - 8 : Int(source.word(place + 4, 4)) - 4
        records += [UInt8](repeating: 0xEE, count: length)
        place += 8 + length
      case 30, 31:
        records += header(type, delta) + bytes(source.word(place + 4, 4), 4)
        place += 8
      default:
        let start = place + (type == 0 ? 8 : 4)
        let length = type == 0 ? Int(source.word(place + 4, 4)) - 4 : Int(type) * 4
        let data = record(source, start, length)
        records +=
          data.count <= 112
          ? header(UInt64(data.count / 4), delta) : header(0, delta) + bytes(UInt64(data.count + 4), 4)
        records += data
        place = start + length
      }
    }
    let claimed = records.count + 16 + Int(commit & 0xFFFFF) - end
    var result = bytes(source.word(0, 8), 8) + bytes(UInt64(claimed) | commit & (3 << 30), layout.longSize) + records
    if commit & (1 << 30) != 0 { result += bytes(source.word(end, 8), layout.longSize) }
    return result
  }

  private func header(_ type: UInt64, _ delta: UInt64) -> [UInt8] {
    bytes(layout.byteOrder == .big ? type << 27 | delta : delta << 5 | type, 4)
  }

  /// The data of a record, whole words.
  private func record(_ source: HandmadePage, _ start: Int, _ length: Int) -> [UInt8] {
    guard let ours = native[Int(source.word(start, 2))], let theirs = formats[ours.id] else {
      return bytes(source.word(start, 2), 2) + source.records[start + 2..<start + 4]
        + bytes(source.word(start + 4, 4), 4)
    }
    let end = (ours: Self.end(ours), theirs: Self.end(theirs))
    var data = [UInt8](repeating: 0, count: end.theirs)
    for (name, field) in ours.fields {
      let element = element(field)
      guard let target = theirs.fields[name]?.offset else { continue }
      for index in 0..<field.size / element.ours {
        var value = source.word(start + field.offset + index * element.ours, element.ours)
        if field.isDynamic { value = value - UInt64(end.ours) + UInt64(end.theirs) }
        let place = target + index * element.theirs
        data.replaceSubrange(place..<place + element.theirs, with: bytes(value, element.theirs))
      }
    }
    data += source.records[start + end.ours..<max(start + end.ours, start + length)]
    return data + [UInt8](repeating: 0, count: (4 - data.count % 4) % 4)
  }

  private static func end(_ format: EventFormat) -> Int { format.fields.values.map { $0.offset + $0.size }.max() ?? 0 }

  /// The lower `size` bytes of a number, in the machine's order.
  private func bytes(_ value: UInt64, _ size: Int) -> [UInt8] {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    return layout.byteOrder == .big ? bytes.reversed() : bytes
  }
}

extension HandmadePage {
  /// The little-endian number of `size` bytes at a place of the records.
  fileprivate func word(_ place: Int, _ size: Int) -> UInt64 {
    records[place..<place + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
