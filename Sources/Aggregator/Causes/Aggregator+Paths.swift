package import TraceModel

// What the waker of a thread did while that waited for it.
extension Aggregator {
  /// Charges a wait that `charge.tid` has ended, with what that task did meanwhile.
  ///
  /// A wait that a signal could have ended may be one for work. What of it somebody was held up who should have given that
  /// work is a charge of its own.
  mutating func chargePath(_ charge: Charge, _ thread: Int, _ length: UInt64) {
    let end = threads.records[thread].since
    causes.history.path(of: threads.records[thread].tid, from: end &- length, to: end, into: &causes.pieces)
    let mayIdle = charge.state == .blockedInterruptible && charge.side == .syscall && !charge.isForLock
    let time = mayIdle ? min(pathTime { $0.isHeldUp }, length) : 0
    // Each waker has a latency of its own: a wait is not longer for it to speak of.
    let isHeldUp = time > 0 && time >= length / 64
    let held = isHeldUp ? time : 0
    if isHeldUp {
      var heldUp = charge
      setPath(&heldUp) { $0.isHeldUp }
      add(heldUp, of: thread, held)
    }
    guard length > held else { return }
    var rest = charge
    setPath(&rest) { !mayIdle || !$0.isHeldUp }
    add(rest, of: thread, length - held)
  }

  private func pathTime(_ counts: (PathPiece) -> Bool) -> UInt64 {
    var total: UInt64 = 0
    for position in 0..<causes.pieces.count where causes.pieces[position].depth > 0 && counts(causes.pieces[position]) {
      total &+= causes.pieces[position].length
    }
    return total
  }

  /// Sets the path's end to the task, and what it did, that most time went to of the pieces that count; of equal ones it is the
  /// later. The pieces of the sleeper itself are what lies between its wake-up's two records.
  private func setPath(_ charge: inout Charge, _ counts: (PathPiece) -> Bool) {
    var most: UInt64 = 0
    for first in 0..<causes.pieces.count {
      let piece = causes.pieces[first]
      guard piece.depth > 0, counts(piece) else { continue }
      var total: UInt64 = 0
      for position in first..<causes.pieces.count {
        let other = causes.pieces[position]
        if other.depth > 0, counts(other), other.tid == piece.tid, other.doing == piece.doing { total &+= other.length }
      }
      guard total > most else { continue }
      most = total
      charge.pathTID = piece.tid
      charge.pathDoing = piece.doing
      charge.pathIsInterruptible = piece.doing == .blocked && piece.isInterruptible
      charge.pathLength = piece.depth
    }
  }

  // MARK: What a session says and asks

  /// All events from `time`, ns, on are consumed.
  package mutating func recordingBegan(at time: UInt64) { causes.history.begin(at: time) }

  /// Tasks that became part of a charge since this was asked last, and are no threads of the target. Bounded: of more at once,
  /// the first ones.
  package mutating func takeNewTasks() -> [Int32] { causes.takeMentioned() }

  /// The name of a task as the latest switch of the machine to it told it; nil where none did.
  package func switchedName(of tid: Int32) -> NameID? { causes.name(of: tid) }

  /// Sets `pieces` to the critical path of a task between two times, ns: see `MachineHistory.path`.
  package mutating func criticalPath(
    of tid: Int32, from: UInt64, to: UInt64, limit: Int, into pieces: inout FlatArray<PathPiece>
  ) {
    causes.history.path(of: tid, from: from, to: to, limit: limit, into: &pieces)
  }

  /// How long each CPU was idle, and how long nobody knows what it did, since the window opened, up to `time`, ns.
  package mutating func takeCPUTimes(upTo time: UInt64) -> [(cpu: Int, idle: UInt64, unknown: UInt64)] {
    causes.history.takeCPUTimes(upTo: time)
  }
}

extension PathPiece {
  /// Whether the task could not do what it wanted to. Of a sleep that a signal could have ended, nothing tells that.
  fileprivate var isHeldUp: Bool {
    switch doing {
    case .ready, .stopped: true
    case .blocked: !isInterruptible
    case .running, .unknown: false
    }
  }
}
