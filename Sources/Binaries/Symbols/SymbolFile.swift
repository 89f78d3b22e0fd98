/// A module's names, and its lines where it has them.
final class SymbolFile {
  private let image: OpenedImage?
  private let findsSources: Bool
  private let budget: DebugBudget
  private lazy var information = findsSources ? readInformation() : nil
  /// Whether the file could be opened.
  var isOpen: Bool { image != nil }
  /// Whether it could not, as the file is not the one that ran.
  let isOfOtherBuild: Bool
  /// Whether there is debug information that cannot be read, all of it or a part.
  private(set) var isUnreadable = false
  /// Whether the debug information of what was looked up so far is in files of its own.
  var isSplit: Bool { information?.isSplit ?? false }

  /// Opens the module's file. `findsSources`: inlined functions and lines are found as well, from DWARF.
  init(_ module: ModuleReference, findsSources: Bool, _ budget: DebugBudget) {
    var (opened, isOther) = (nil as OpenedImage?, false)
    if !budget.isOutOfMemory {
      do throws(ImageError) { opened = try module.open(asksServers: true) } catch {
        if case .otherBuild = error { isOther = true }
      }
    }
    image = opened
    isOfOtherBuild = isOther
    self.findsSources = findsSources
    self.budget = budget
  }

  private func readInformation() -> DebugInformation? {
    let before = budget.unreadable
    let found = image?.debugInformation(budget)
    isUnreadable = budget.unreadable > before
    return found
  }

  /// The address that the byte at a file offset has before the image is moved; nil outside of the code.
  func address(ofFileOffset offset: UInt64) -> UInt64? { image?.address(ofFileOffset: offset) }

  /// The functions at an address, innermost first, with names for people; the last one, of which nothing may be known, is not
  /// inlined.
  func scopes(at address: UInt64) -> [DebugInformation.Scope] {
    var scopes = information?.scopes(at: address) ?? []
    for index in scopes.indices { scopes[index].name = scopes[index].name.map { Function.readable($0) ?? $0 } }
    var outermost = scopes.popLast() ?? DebugInformation.Scope()
    // A symbol without a size reaches up to the next one, whatever is between.
    if let function = image?.function(containing: address), function.size > 0 || outermost.start == nil {
      (outermost.name, outermost.start) = (function.displayName, function.address)
    }
    return scopes + [outermost]
  }
}
