internal import TraceModel

/// What causes are made of: the charges of the window, and the history that tells who had the CPUs and who waited for whom.
struct CauseTracker: ~Copyable {
  /// The most tasks of the machine whose names are kept.
  private static let mostNames = 1 << 16
  /// The most tasks that wait to be asked for by their names.
  private static let mostMentioned = 4096

  let scope: CauseScope
  var charges = ChargeTable()
  var history: MachineHistory
  /// The names of tasks, as switches tell them.
  private var names = FlatIndex()
  /// Tasks that became part of a charge and are no threads of the target.
  private var mentioned = FlatArray<Int32>()
  // Memory that is used again and again.
  var holdings = FlatArray<CPUHolding>()
  var pieces = FlatArray<PathPiece>()

  init(_ scope: CauseScope) {
    self.scope = scope
    // A machine that makes 100,000 switches in a second has about 300,000 records in it.
    let capacity =
      switch scope {
      case .none: 0
      case .target: 1 << 16
      case .machine: 1 << 19
      }
    history = MachineHistory(capacity: capacity, isComplete: scope == .machine)
  }

  /// A task is part of a charge that is new.
  mutating func mention(_ tid: Int32) {
    if tid != 0, mentioned.count < Self.mostMentioned { mentioned.append(tid) }
  }

  mutating func takeMentioned() -> [Int32] {
    if mentioned.count == 0 { return [] }
    defer { mentioned.removeAll() }
    return Array(mentioned.elements)
  }

  mutating func setName(_ name: Int64, of tid: Int32) {
    guard name > 0, tid != 0 else { return }
    if names.count >= Self.mostNames { names.removeAll() }
    names.set(UInt64(UInt32(bitPattern: tid)), Int32(truncatingIfNeeded: name))
  }

  func name(of tid: Int32) -> NameID? { names.find(UInt64(UInt32(bitPattern: tid))) }
}
