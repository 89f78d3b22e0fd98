package import TraceModel

/// Finds the FDE of an address.
package struct FrameIndex: Sendable {
  private enum Order: Sendable {
    /// The linker's table in `.eh_frame_hdr`: pairs of 4-byte distances from the header to the code and to the FDE.
    case header(SectionBytes, address: UInt64, table: Int, count: Int)
    /// A table that was made by reading all of the section, sorted by address.
    case scanned([Item])
  }

  private struct Item: BitwiseCopyable {
    let start: UInt64
    let offset: Int
  }

  let section: FrameSection
  private let order: Order
  /// The number of entries of a scanned section that could not be read.
  package let malformedEntries: Int

  /// Goes by the header's table; nil if it has none, or one in another form than the one all linkers write (`DW_EH_PE_datarel |
  /// DW_EH_PE_sdata4`).
  package init?(of section: FrameSection, header: SectionBytes, at address: UInt64) {
    guard let found = EHFrameHeader(header, address: address, is64Bit: section.is64Bit), let table = found.table else {
      return nil
    }
    self.section = section
    order = .header(header, address: address, table: table, count: found.count)
    malformedEntries = 0
  }

  /// Reads all of the section once.
  package init(scanning section: FrameSection) {
    var items: [Item] = []
    var malformed = 0
    var offset = 0
    while offset < section.data.count {
      do throws(CFIError) {
        let (entry, next) = try section.entry(at: offset)
        if case .terminator = entry, section.kind == .ehFrame { break }
        if case .description(let found) = entry { items.append(Item(start: found.code.lowerBound, offset: offset)) }
        offset = next
      } catch {
        malformed += 1
        // An entry whose length is sound is left out alone.
        guard let next = try? section.end(ofEntryAt: offset), next > offset else { break }
        offset = next
      }
    }
    items.sort { $0.start < $1.start }
    self.section = section
    order = .scanned(items)
    malformedEntries = malformed
  }

  /// The number of FDEs.
  var count: Int {
    switch order {
    case .header(_, _, _, let count): count
    case .scanned(let items): items.count
    }
  }

  /// The row of `address`, before the image is moved; nil if nothing describes that code.
  package func row(for address: UInt64, _ budget: inout FrameBudget) throws(CFIError) -> DescribedRow? {
    guard let found = try description(containing: address) else { return nil }
    return (try CFIProgram.row(for: address, found, section, &budget), section)
  }

  /// The code around `address` that one entry describes: a function, or a part of one.
  package func code(containing address: UInt64) -> Range<UInt64>? { (try? description(containing: address))?.code }

  /// The FDE whose code `address` is a part of; nil if there is none.
  func description(containing address: UInt64) throws(CFIError) -> FrameDescription? {
    guard let offset = try offset(before: address) else { return nil }
    let found = try section.description(at: offset)
    return found.code.contains(address) ? found : nil
  }

  /// The offset of the last FDE that begins at `address` or before.
  private func offset(before address: UInt64) throws(CFIError) -> Int? {
    switch order {
    case .scanned(let items):
      let place = partitionPoint(of: items.count) { items[$0].start <= address }
      return place == 0 ? nil : items[place - 1].offset
    case .header(let data, let base, let table, let count):
      func number(_ place: Int) -> UInt64 {
        let distance = data.load(Int32.self, at: table + 4 * place) ?? 0
        let sum = base &+ UInt64(bitPattern: Int64(distance))
        return section.is64Bit ? sum : sum & 0xFFFF_FFFF
      }
      let place = partitionPoint(of: count) { number(2 * $0) <= address }
      guard place > 0 else { return nil }
      let entry = number(2 * place - 1)
      guard entry >= section.address, let offset = Int(exactly: entry - section.address) else { throw .malformed }
      return offset
    }
  }
}

/// What `.eh_frame_hdr` says (LSB 10.6.2).
package struct EHFrameHeader {
  /// Where `.eh_frame` is mapped, before the image is moved.
  package let frames: UInt64
  /// Where the search table begins; nil if there is none of the usual form.
  let table: Int?
  /// The number of entries of the search table.
  let count: Int

  /// Reads the header; nil for another version, or if it does not tell where `.eh_frame` is.
  package init?(_ data: SectionBytes, address: UInt64, is64Bit: Bool) {
    let bases = PointerEncoding.Bases(section: address, data: address, is64Bit: is64Bit)
    guard let found = try? data.read(0..<data.count, { cursor throws(CFIError) in try Self(&cursor, bases) }) else {
      return nil
    }
    self = found
  }

  private init(_ cursor: inout ByteCursor, _ bases: PointerEncoding.Bases) throws(CFIError) {
    guard try cursor.read(UInt8.self) == 1 else { throw .unsupported }
    let pointer = PointerEncoding(rawValue: try cursor.read(UInt8.self))
    let counting = PointerEncoding(rawValue: try cursor.read(UInt8.self))
    let form = try cursor.read(UInt8.self)
    frames = try pointer.read(&cursor, bases)
    // DW_EH_PE_datarel | DW_EH_PE_sdata4
    guard counting != .omitted, form == 0x3B else {
      (table, count) = (nil, 0)
      return
    }
    let declared = try counting.read(&cursor, bases)
    let room = (cursor.end - cursor.offset) / 8
    // A table that is cut off misses its last functions: then the section itself is read.
    (table, count) = declared > 0 && declared <= UInt64(room) ? (cursor.offset, Int(declared)) : (nil, 0)
  }
}
