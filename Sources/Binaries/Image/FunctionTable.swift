internal import CElfUtils
internal import Glibc
internal import TraceModel
internal import Unwinder

/// The functions of an image by name and by address, from all that is known of it.
///
/// Tables are read only when those before did not have the answer: .symtab (of the image, else of its separate debug
/// file), .dynsym, .gnu_debugdata.
package struct FunctionTable: ~Copyable {
  /// The image, of which a probe needs file offsets.
  package let image: ELFImage
  let finder: DebugFileFinder
  private var unread: [Source]
  /// The functions of the tables read so far, in the tables' order; of one function there may be several.
  private(set) var entries: [SymbolEntry] = []
  private var strings: [SectionBytes] = []
  /// Numbers of `entries`, without the duplicates, by address.
  private(set) var addresses: [UInt32] = []
  private var isSorted = false
  private var frames = FrameInformation()
  /// The budget for call frame information that is asked for here; an unwinder has a budget of its own.
  private var frameBudget = FrameBudget()

  private enum Source {
    case symbols
    case debugFile
    case dynamicSymbols
    case debugData
  }

  /// Takes the image whose functions are looked for. `finder` says where separate debug files are.
  package init(of image: consuming ELFImage, finder: DebugFileFinder = DebugFileFinder()) {
    self.image = image
    self.finder = finder
    unread = [.symbols, .debugFile, .dynamicSymbols, .debugData]
  }

  /// The number of different functions: of names and addresses, in all tables.
  package var count: Int {
    mutating get throws(ImageError) {
      try sort()
      return addresses.count
    }
  }

  /// All functions by address, each name of an address once.
  package mutating func forEach(_ body: (Function) -> Void) throws(ImageError) {
    try sort()
    for number in addresses { body(function(Int(number))) }
  }

  /// The function whose code `address` is a part of; nil if none is known. Of several names the one that others link
  /// to.
  package mutating func function(containing address: UInt64) throws(ImageError) -> Function? {
    try sort()
    let count = partitionPoint(of: addresses.count) { entries[Int(addresses[$0])].address <= address }
    // Names of one address, and functions with a smaller one inside, are few; a hostile table must not make it slow.
    var best: Int?
    for place in addresses[max(0, count - 64)..<count].reversed() {
      let entry = entries[Int(place)]
      if let best, entries[best].address != entry.address { break }
      guard entry.size == 0 || address - entry.address < entry.size else { continue }
      if let found = best {
        if Self.rank(entry) > Self.rank(entries[found]) { best = Int(place) }
      } else {
        best = Int(place)
      }
    }
    return best.map { function($0) }
  }

  /// The row of call frame information of `address`, before the image is moved; nil if nothing describes that code.
  mutating func row(for address: UInt64, _ budget: inout FrameBudget) throws(CFIError) -> DescribedRow? {
    try frames.row(for: address, in: image, finder: finder, &budget)
  }

  /// The row of call frame information of `address`, for one who asks once: it costs at most what one stack may cost.
  mutating func row(for address: UInt64) -> CFIRow? {
    frameBudget.startStack()
    return ((try? frames.row(for: address, in: image, finder: finder, &frameBudget)) ?? nil)?.row
  }

  /// The code around `address` that one entry of `.eh_frame` describes: a function, or a part of one.
  mutating func describedCode(containing address: UInt64) -> Range<UInt64>? {
    frames.code(containing: address, in: image, &frameBudget)
  }

  func function(_ number: Int) -> Function {
    let entry = entries[number]
    return Function(entry, strings: strings[Int(entry.table)])
  }

  /// Reads the next table; false if there is none left.
  mutating func readNext() throws(ImageError) -> Bool {
    guard !unread.isEmpty else { return false }
    let table = UInt8(strings.count)
    let read: SymbolTable?
    switch unread.removeFirst() {
    case .symbols: read = try SymbolTable(type: SHT_SYMTAB, of: image, number: table)
    case .debugFile:
      guard image.section(ofType: SHT_SYMTAB) == nil, let file = finder.find(for: image) else { return true }
      read = try? SymbolTable(type: SHT_SYMTAB, of: file, number: table)
    case .dynamicSymbols: read = try SymbolTable(type: SHT_DYNSYM, of: image, number: table)
    case .debugData:
      guard let inner = image.debugData else { return true }
      read = try? SymbolTable(type: SHT_SYMTAB, of: inner, number: table)
    }
    guard let read else { return true }
    strings.append(read.strings)
    if entries.isEmpty { entries = read.entries } else { entries += read.entries }
    isSorted = false
    return true
  }

  /// The first table's entry from which on `body` is called is number `start`; `body` gets each entry's number and name
  /// (NUL-terminated), and returns false to stop.
  func forEachName(from start: Int = 0, _ body: (Int, UnsafePointer<CChar>) -> Bool) {
    var number = start
    while number < entries.count {
      let table = entries[number].table
      let end = entries[number...].withUnsafeBufferPointer { rest in
        number + (rest.firstIndex { $0.table != table } ?? rest.count)
      }
      let range = number..<end
      let isWhole = strings[Int(table)].bytes.withUnsafeBytes { strings in
        // Without the last NUL, the last name has no end.
        guard let base = strings.baseAddress, strings.last == 0 else { return true }
        return entries.withUnsafeBufferPointer { entries in
          for number in range {
            let name = (base + Int(entries[number].name)).assumingMemoryBound(to: CChar.self)
            if !body(number, name) { return false }
          }
          return true
        }
      }
      guard isWhole else { return }
      number = end
    }
  }

  mutating func sort() throws(ImageError) {
    while try readNext() {}
    guard !isSorted else { return }
    isSorted = true
    var keys = entries.indices.map { (address: entries[$0].address, number: UInt32($0)) }
    keys.sort { $0.address != $1.address ? $0.address < $1.address : $0.number < $1.number }
    addresses.removeAll(keepingCapacity: true)
    addresses.reserveCapacity(keys.count)
    var names: Set<String> = []
    var budget = ScanBudget()
    for (place, key) in keys.enumerated() {
      let isAlone =
        (place == 0 || keys[place - 1].address != key.address)
        && (place + 1 == keys.count || keys[place + 1].address != key.address)
      if place == 0 || keys[place - 1].address != key.address { names.removeAll(keepingCapacity: true) }
      if isAlone || budget.isSpent {
        addresses.append(key.number)
      } else {
        let name = function(Int(key.number)).name
        budget.take(bytes: name.utf8.count)
        if names.insert(name).inserted { addresses.append(key.number) }
      }
    }
  }

  /// How much a name of an address tells; the greatest is one that others can link to, of the default version, and with a size.
  private static func rank(_ entry: SymbolEntry) -> Int {
    (entry.kind == .untyped ? 0 : 8) + (entry.binding == .local ? 0 : 4) + (entry.isHidden ? 0 : 2)
      + (entry.size == 0 ? 0 : 1)
  }
}
