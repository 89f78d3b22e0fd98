internal import TraceModel

/// A function that a symbol table names. The name stays in the table's bytes until it is asked for.
package struct Function: Sendable {
  /// Who else can mean the function by its name.
  package enum Binding: UInt8, Sendable, BitwiseCopyable {
    case local
    case global
    case weak
  }

  /// What stands behind the name.
  package enum Kind: UInt8, Sendable, BitwiseCopyable {
    /// A function with code of its own (STT_FUNC).
    case function
    /// STT_GNU_IFUNC: its code chooses the implementation once and is not what callers run.
    case indirect
    /// STT_NOTYPE in an executable section: hand-written assembler without `.type`.
    case untyped
    /// No symbol: an address that was given as one.
    case address
  }

  /// The most bytes of a name that are read; what follows them is left out.
  private static let nameLimit = 1 << 16

  let entry: SymbolEntry
  let strings: SectionBytes

  /// The address of the first instruction, as the image's symbols count.
  package var address: UInt64 { entry.address }
  /// The size of the function's code, bytes; 0 if the table does not say.
  package var size: UInt64 { entry.size }
  /// Whether the function is local to its source file, or seen by others.
  package var binding: Binding { entry.binding }
  /// What calling the function runs.
  package var kind: Kind { entry.kind }

  /// The function's name as linked, without a version; its address if it has no symbol.
  package var name: String {
    guard entry.kind != .address else { return "0x" + String(entry.address, radix: 16) }
    return String(decoding: symbolName.prefix { $0 != UInt8(ascii: "@") }, as: UTF8.self)
  }

  /// The source file of a local function: what STT_FILE says before it.
  package var sourceFile: String? {
    entry.file == 0 ? nil : strings.string(at: Int(entry.file))
  }

  /// The version's name if .symtab carries it (`memcpy@@GLIBC_2.14`).
  package var version: String? {
    guard let at = symbolName.firstIndex(of: UInt8(ascii: "@")) else { return nil }
    return String(decoding: symbolName[at...].drop { $0 == UInt8(ascii: "@") }, as: UTF8.self)
  }

  /// Whether only programs that were linked to an older version of the library call it.
  package var isOldVersion: Bool {
    if entry.isHidden { return true }
    guard let at = symbolName.firstIndex(of: UInt8(ascii: "@")) else { return false }
    return symbolName[at...].dropFirst().first != UInt8(ascii: "@")
  }

  /// The name for people: demangled where the run-time libraries of the language are there, else as linked.
  package var displayName: String { Self.readable(name) ?? name }

  /// A linked name for people; nil if it is not mangled.
  package static func readable(_ name: String) -> String? { Demangler.shared.readable(name) }

  private var symbolName: ArraySlice<UInt8> {
    (strings.stringBytes(at: Int(entry.name)) ?? []).prefix(Self.nameLimit)
  }

  init(_ entry: SymbolEntry, strings: SectionBytes) {
    self.entry = entry
    self.strings = strings
  }

  /// A function of which only the address is known.
  init(at address: UInt64) {
    self.init(
      SymbolEntry(
        address: address, size: 0, name: 0, file: 0, table: 0, binding: .global, kind: .address, isHidden: false),
      strings: SectionBytes())
  }
}

/// A function's symbol, without its strings: 32 bytes, of which a compiler has half a million.
struct SymbolEntry: BitwiseCopyable {
  var address: UInt64
  var size: UInt64
  /// Where the name begins in the table's strings.
  var name: UInt32
  /// Where the source file's name begins in the table's strings; 0 if there is none.
  var file: UInt32
  /// The number of the string table, among those of the function table.
  var table: UInt8
  var binding: Function.Binding
  var kind: Function.Kind
  /// Whether the version bit of .gnu.version says that this is not the default version.
  var isHidden: Bool
}
