package import TraceModel
package import Unwinder

/// Names places in code: each distinct one once.
///
/// It reads files itself, and may do so on another thread than the one that unwinds, long after the target has ended.
package struct Symbolizer: ~Copyable {
  private struct Key: Hashable {
    let module: ModuleID
    let offset: UInt64
    /// The distance from the address that the symbol is looked up by to the place's own address, bytes: 1 behind a call.
    let distance: UInt64
  }

  /// The most places that are remembered.
  private static let placeLimit = 1 << 18

  private let findsSources: Bool
  /// What run-time compilers tell of their code, by process; another one as they go on.
  package var perfMaps: [Int32: PerfMap] = [:]
  private let budget = DebugBudget()
  private var gaps = DebugGaps()
  private var files: [ModuleID: SymbolFile] = [:]
  private var known: [Key: [StackFrame]] = [:]

  /// Whether debug information was left out because reading it would have cost too much: more than a compiler makes, or an
  /// extraordinary amount.
  package var isCut: Bool { budget.isExceeded }

  /// Why names or lines are missing otherwise, a sentence each.
  package var notes: [String] { gaps.notes }

  /// Makes a symbolizer that has named nothing yet. `findsSources`: inlined functions and lines are found as well, from DWARF.
  package init(findsSources: Bool = true) { self.findsSources = findsSources }

  /// The functions at a place that is not the kernel's, innermost first: those that were inlined there, then the one that
  /// is called. `module`: nil for anonymous memory.
  package mutating func frames(of place: StackPlace, in module: ModuleReference?) -> [StackFrame] {
    guard let module else { return [place.module == .probes ? probeFrame(of: place) : anonymousFrame(of: place)] }
    // Memory is mapped from files by whole pages.
    let distance = (place.address &- place.offset) & 0xFFF
    let key = Key(module: place.module, offset: place.offset, distance: distance)
    var frames: [StackFrame]
    if let found = known[key] {
      frames = found
    } else {
      frames = symbolize(place, distance, module)
      if known.count >= Self.placeLimit { known.removeAll(keepingCapacity: true) }
      known[key] = frames
    }
    for index in frames.indices {
      frames[index].address = place.address
      frames[index].isGuessed = place.isGuessed
    }
    return frames
  }

  private func anonymousFrame(of place: StackPlace) -> StackFrame {
    let found = perfMaps[place.process]?.symbol(at: place.offset)
    return StackFrame(
      address: place.address, symbol: found?.name, offset: found.map { place.address &- $0.start } ?? 0,
      module: found == nil ? "" : "perf map", moduleOffset: place.address, isGuessed: place.isGuessed)
  }

  /// The frame of a place in the kernel's page for probes, which a function whose return a probe waits for seems to return to.
  private func probeFrame(of place: StackPlace) -> StackFrame {
    StackFrame(
      address: place.address, symbol: "return probe", module: "[uprobes]", moduleOffset: 0, isGuessed: place.isGuessed)
  }

  private mutating func symbolize(_ place: StackPlace, _ distance: UInt64, _ module: ModuleReference) -> [StackFrame] {
    let (name, moduleOffset) = (String(module.identity.name), place.offset &+ distance)
    let file = files[place.module] ?? SymbolFile(module, findsSources: findsSources, budget)
    files[place.module] = file
    if file.isOfOtherBuild {
      gaps.noteOtherBuild(name)
    } else if !file.isOpen, !budget.isOutOfMemory {
      gaps.noteUnopened(name)
    }
    guard let address = file.address(ofFileOffset: place.offset) else {
      return [StackFrame(address: place.address, symbol: nil, module: name, moduleOffset: moduleOffset)]
    }
    let scopes = file.scopes(at: address)
    if file.isUnreadable { gaps.noteUnreadable(name) }
    if file.isSplit { gaps.noteSplit(name) }
    return scopes.enumerated().map { index, scope in
      StackFrame(
        address: place.address, symbol: scope.name, offset: scope.start.map { address &+ distance &- $0 } ?? 0,
        module: name, moduleOffset: moduleOffset, source: scope.source, isInlined: index < scopes.count - 1)
    }
  }
}
