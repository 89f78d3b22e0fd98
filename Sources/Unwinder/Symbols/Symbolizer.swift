package import TraceModel

/// Names places in code: each distinct one once.
///
/// It reads files itself, and may do so on another thread than the one that unwinds, long after the target has ended.
package struct Symbolizer: ~Copyable {
  private struct Key: Hashable {
    let module: ModuleID
    let offset: UInt64
    /// From what the symbol is looked up by to the address: 1 behind a call.
    let distance: UInt64
  }

  private let findsSources: Bool
  private let code: PerfMap?
  private var files: [ModuleID: SymbolFile] = [:]
  private var known: [Key: [StackFrame]] = [:]

  /// `findsSources`: inlined functions and lines as well, from DWARF. `perfMap`: what a run-time compiler tells of its code.
  package init(findsSources: Bool = true, perfMap: PerfMap? = nil) {
    self.findsSources = findsSources
    code = perfMap
  }

  /// The functions at a place that is not the kernel's, innermost first: those that were inlined there, then the one that
  /// is called. `module`: nil for anonymous memory.
  package mutating func frames(of place: StackPlace, in module: ModuleReference?) -> [StackFrame] {
    // Memory is mapped from files by whole pages.
    let distance = (place.address &- place.offset) & 0xFFF
    let key = Key(module: place.module, offset: place.offset, distance: distance)
    var frames: [StackFrame]
    if let found = known[key] {
      frames = found
    } else {
      frames = symbolize(place, distance, module)
      known[key] = frames
    }
    for index in frames.indices {
      frames[index].address = place.address
      frames[index].isGuessed = place.isGuessed
    }
    return frames
  }

  private mutating func symbolize(_ place: StackPlace, _ distance: UInt64, _ module: ModuleReference?) -> [StackFrame] {
    guard let module else {
      let found = code?.symbol(at: place.offset)
      return [
        StackFrame(
          address: place.address, symbol: found?.name, offset: found.map { place.address &- $0.start } ?? 0,
          module: found == nil ? "" : "perf map", moduleOffset: place.address)
      ]
    }
    let name = String(module.identity.name)
    if files[place.module] == nil { files[place.module] = SymbolFile(module) }
    let moduleOffset = place.offset &+ distance
    guard let file = files[place.module], let address = file.address(ofFileOffset: place.offset) else {
      return [StackFrame(address: place.address, symbol: nil, module: name, moduleOffset: moduleOffset)]
    }
    var frames: [StackFrame] = []
    let scopes = findsSources ? file.scopes(at: address) : []
    for scope in scopes.dropLast() {
      frames.append(
        StackFrame(
          address: place.address, symbol: scope.name.map { Function.readable($0) ?? $0 }, module: name,
          moduleOffset: moduleOffset, source: scope.source, isInlined: true))
    }
    let function = file.function(containing: address)
    frames.append(
      StackFrame(
        address: place.address, symbol: function?.displayName,
        offset: function.map { address &+ distance &- $0.address } ?? 0, module: name, moduleOffset: moduleOffset,
        source: scopes.last?.source))
    return frames
  }
}

/// A module's names, and its lines where it has them.
private final class SymbolFile {
  private let image: OpenedImage?
  private lazy var information = image?.debugInformation()

  init(_ module: ModuleReference) {
    image = try? module.open(asksServers: true)
  }

  func address(ofFileOffset offset: UInt64) -> UInt64? { image?.address(ofFileOffset: offset) }
  func function(containing address: UInt64) -> Function? { image?.function(containing: address) }
  func scopes(at address: UInt64) -> [DebugInformation.Scope] { information?.scopes(at: address) ?? [] }
}
