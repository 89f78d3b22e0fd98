internal import TraceModel

/// Event formats compiled to flat recipes, looked up by event id.
package struct EventTable: Sendable {
  /// How to read one kind of record: offsets from the record's start. A field that the kind lacks is read from offset 0,
  /// which every record has, and masked away, so that the common path has no branch for it.
  struct Recipe: Sendable, BitwiseCopyable {
    var kind: EventKind
    /// The number of bytes of the shortest record that holds all the fields; 0 where no event has this id.
    var minimumLength: UInt16 = 0
    var tid: UInt16 = 0
    var subject: UInt16 = 0
    var detail: UInt16 = 0
    var value: UInt16 = 0
    var detailMask: Int32 = 0
    var valueMask: Int64 = 0
    /// The offset of a name to be interned, or of a stack's addresses; 0 where the kind has none.
    var text: UInt16 = 0
    /// The number of bytes of a fixed-size name; 0 for a `__data_loc`.
    var textSize: UInt16 = 0
    var form = RecordReading.Form.plain
    /// The subject where the form is `activity`.
    var activity: Int8 = 0
    /// Whether the event is known, and of no interest.
    var isIgnored = false
  }

  /// The recipes, indexed by event id; ids are small and dense.
  private(set) var recipes: [Recipe]

  package init() { recipes = [] }

  /// Compiles formats; an event that the kernel lacks is simply not given.
  package init(_ formats: [TracedEvent: EventFormat]) throws(FormatError) {
    self.init()
    for (event, format) in formats { try add(format, event.reading) }
  }

  /// Makes the records of one more event known.
  package mutating func add(_ format: EventFormat, _ reading: RecordReading) throws(FormatError) {
    let recipe = try Self.compile(reading, format)
    guard (1..<65536).contains(format.id) else { throw .unusableID(format.name, format.id) }
    while recipes.count <= format.id { recipes.append(Recipe(kind: .gapStart)) }
    recipes[format.id] = recipe
  }

  /// Makes known that there is an event with this id that is of no interest. One that is of interest stays so.
  package mutating func ignore(id: Int) {
    guard (1..<65536).contains(id) else { return }
    while recipes.count <= id { recipes.append(Recipe(kind: .gapStart)) }
    recipes[id].isIgnored = recipes[id].minimumLength == 0
  }

  private static func compile(_ reading: RecordReading, _ format: EventFormat) throws(FormatError) -> Recipe {
    var recipe = Recipe(kind: reading.kind)
    var length = 8  // the common header

    func offset(_ name: String, sizes: Set<Int>) throws(FormatError) -> UInt16 {
      let field = try format.field(name, sizes: sizes)
      length = max(length, field.offset + field.size)
      return UInt16(field.offset)
    }

    // A number of 8 bytes is read by its lower 4: syscall numbers, states and tids all fit.
    recipe.tid = try offset(reading.tid, sizes: [4])
    recipe.subject = try offset(reading.subject, sizes: [4, 8])
    if let detail = reading.detail {
      recipe.detail = try offset(detail, sizes: [1, 4, 8])
      // Of a byte, three more are read, and masked away: the common header, which `common_flags` is in, has them.
      recipe.detailMask = format.fields[detail]?.size == 1 ? 0xFF : -1
      length = max(length, Int(recipe.detail) + 4)
    }
    if let value = reading.value {
      // Of an array the format tells the size of the whole.
      recipe.value = try offset(
        value, sizes: reading.element == 0 ? [1, 8] : Set((reading.element + 1...16).map { $0 * 8 }))
      recipe.value += UInt16(reading.element * 8)
      // Of a byte, seven more are read, and masked away, as above.
      recipe.valueMask = format.fields[value]?.size == 1 ? 0xFF : -1
      length = max(length, Int(recipe.value) + 8)
    }
    recipe.form = reading.form
    recipe.activity = Int8(truncatingIfNeeded: reading.activity.rawValue)
    // The format's size of the array is not the record's.
    if reading.form == .stack { recipe.text = UInt16(try format.field("caller").offset) }
    if let text = reading.text, let field = format.fields[text] {
      if field.isDynamic {
        recipe.text = try offset(text, sizes: [4])
      } else {
        recipe.text = try offset(text, sizes: Set(1...256))
        recipe.textSize = UInt16(field.size)
      }
    } else if let text = reading.text {
      throw .missingField(format.name, text)
    }
    guard length < 4096 else { throw .unexpectedSize(format.name, "record", length) }
    recipe.minimumLength = UInt16(length)
    return recipe
  }
}
