internal import Glibc

/// What a name turned out to mean.
package enum Lookup: Sendable {
  case function(Function)
  /// Several functions at different addresses: local ones of different files, or overloads; by address.
  case ambiguous([Function])
  /// An indirect function, which the dynamic linker asks which of its implementations to call; some that its name hints at.
  case indirect(Function, implementations: [String])
  /// No such function; up to three of similar names, the most similar first.
  case missing(nearest: [String])
}

extension FunctionTable {
  /// The most names that one search demangles. A hostile table may have all names contain the one that is looked for; C++'s
  /// largest programs have fewer.
  private static var demanglingLimit: Int { 50_000 }
  private static var implementationLimit: Int { 8 }

  /// The function of that name: as it is linked, or demangled with or without parameters, or its address as `0x…`.
  ///
  /// A global function goes before local ones of the same name, and a default version before older ones.
  package mutating func find(_ name: String) throws(ImageError) -> Lookup {
    let query = FunctionQuery(name)
    if let address = query.address { return try find(address: address) }
    guard !name.isEmpty else { return .missing(nearest: []) }
    // Tables read for an earlier search are searched first, as if they were read only now.
    var searched = 0
    repeat {
      let numbers = exactMatches(of: name, from: searched)
      searched = entries.count
      if let found = choose(numbers) { return found }
    } while try readNext()
    if let found = choose(demangledMatches(of: query)) { return found }
    return .missing(nearest: NearestNames(to: query).search(self))
  }

  private mutating func find(address: UInt64) throws(ImageError) -> Lookup {
    guard image.fileOffset(ofAddress: address) != nil else { return .missing(nearest: []) }
    if let found = try function(containing: address), found.address == address { return .function(found) }
    return .function(Function(at: address))
  }

  private func exactMatches(of name: String, from start: Int) -> [Int] {
    let length = name.utf8.count
    let at = CChar(bitPattern: UInt8(ascii: "@"))
    var numbers: [Int] = []
    name.withCString { wanted in
      forEachName(from: start) { number, candidate in
        // .symtab has versions behind the name: memcpy@@GLIBC_2.14.
        if candidate[0] == wanted[0], strncmp(candidate, wanted, length) == 0,
          candidate[length] == 0 || candidate[length] == at
        {
          numbers.append(number)
        }
        return true
      }
    }
    return numbers
  }

  /// The numbers of the functions that the whole text names; if there are none, of those that it names without parameters.
  private func demangledMatches(of query: FunctionQuery) -> [Int] {
    var (whole, base) = ([Int](), [Int]())
    var demangled = 0
    var budget = ScanBudget()
    forEachName { number, candidate in
      guard budget.take(candidate) else { return false }
      guard query.mayBe(candidate) else { return true }
      demangled += 1
      // Only here is a name copied.
      if let name = DemangledName(of: function(number).name) {
        if name.full == query.text || name.simplified == query.text {
          whole.append(number)
        } else if name.bases.contains(query.text) {
          base.append(number)
        }
      }
      return demangled < Self.demanglingLimit
    }
    return whole.isEmpty ? base : whole
  }

  /// The function that a name means, of all that have this name; nil if there are none.
  private func choose(_ numbers: [Int]) -> Lookup? {
    let meant = Self.meant(of: numbers.map { function($0) })
    guard let first = meant.first else { return nil }
    guard meant.count == 1 else { return .ambiguous(meant) }
    guard first.kind == .indirect else { return .function(first) }
    return .indirect(first, implementations: implementations(of: first))
  }

  /// The functions that a name means, of all that have this name, by address: more than one where it cannot tell.
  package static func meant(of functions: [Function]) -> [Function] {
    var functions = functions
    // In this order: a symbol with a type, one that others link to, the version that they link to now.
    for isPreferred in [
      { $0.kind != .untyped }, { $0.binding != .local }, { !$0.isOldVersion },
    ] as [(Function) -> Bool] {
      let preferred = functions.filter(isPreferred)
      if !preferred.isEmpty { functions = preferred }
    }
    functions.sort { $0.address < $1.address }
    var different: [Function] = []
    for function in functions where different.last?.address != function.address { different.append(function) }
    return different
  }

  /// Functions whose names contain the indirect one's: `__memcpy_avx_unaligned` of `memcpy`.
  private func implementations(of indirect: Function) -> [String] {
    let base = indirect.name
    var names: Set<String> = []
    var budget = ScanBudget()
    base.withCString { base in
      forEachName { number, candidate in
        guard budget.take(candidate) else { return false }
        if strstr(candidate, base) != nil {
          let found = function(number)
          if found.kind == .function, found.address != indirect.address { names.insert(found.name) }
        }
        return names.count < 10_000
      }
    }
    // First those that begin with the name, but for underscores, and go on with one: memcpy_… before wmemcpy….
    let keyed = names.map { name in
      let bare = name.drop { $0 == "_" }
      return (isDerived: bare.hasPrefix(base + "_") || bare.hasPrefix(base + "."), name: name)
    }
    let sorted = keyed.sorted { $0.isDerived != $1.isDerived ? $0.isDerived : $0.name < $1.name }
    return sorted.prefix(Self.implementationLimit).map(\.name)
  }
}

/// The budget of a search through all names, which ends it: in a hostile table all of them may share one long string.
struct ScanBudget {
  private var bytes = 1 << 30

  var isSpent: Bool { bytes <= 0 }

  /// Takes the name's length off the budget; false once nothing is left.
  mutating func take(_ name: UnsafePointer<CChar>) -> Bool {
    bytes -= strnlen(name, bytes)
    return !isSpent
  }

  mutating func take(bytes count: Int) { bytes -= count }
}
