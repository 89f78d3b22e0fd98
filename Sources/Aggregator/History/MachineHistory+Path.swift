package import TraceModel

// The critical path: on what a thread's progress depended.
//
// The rule: go back in time from the end. While the thread ran, or was ready, it depended on itself and on its CPU. Where it slept
// and a task woke it, it depended on that task: what the waker did from the moment at which the thread fell asleep until it woke it
// is the path there, by the same rule. Where an interrupt woke it (a timer, a disk, a packet from elsewhere), it depended on what no
// task did, and the path stays with the sleeper. Before it fell asleep, the path goes on with the thread itself. So the pieces
// are the whole time, without a gap and without an overlap; what is not known is a piece of its own.
extension MachineHistory {
  /// The most tasks that wait for each other which are followed.
  private static let mostSleepers = 16

  /// Sets `pieces` to the critical path of task `tid` between `from` and `to`, ns: pieces without gaps, the latest first. With more than `limit` of
  /// them, the rest is one unknown piece.
  package mutating func path(
    of tid: Int32, from: UInt64, to: UInt64, limit: Int = 64, into pieces: inout FlatArray<PathPiece>
  ) {
    pieces.removeAll()
    guard to > from else { return }
    walk(tid, last(of: tid), from, to, depth: 0, limit, &pieces)
  }

  /// Appends the path of a task whose latest record in question is record `number`, or one before that.
  private func walk(
    _ tid: Int32, _ number: Int, _ from: UInt64, _ to: UInt64, depth: UInt8, _ limit: Int,
    _ pieces: inout FlatArray<PathPiece>
  ) {
    let isFollowed = isFollowed(tid)
    var upper = to
    /// The record that ends the piece; nil where that is the path's end.
    var later: HistoryRecord?
    var laterNumber = -1
    var number = number
    while upper > from {
      guard number >= 0, pieces.count < limit else {
        pieces.append(PathPiece(start: from, end: upper, tid: tid, doing: .unknown, depth: depth))
        return
      }
      let record = record(number)
      defer {
        number = self.number(before: number, by: record.task == tid ? record.previousOfTask : record.previousOfOther)
      }
      if record.time >= to {
        // What happens at the end or after it ends the piece before it.
        (later, laterNumber) = (record, number)
        continue
      }
      let start = max(record.time, from)
      let doing = doing(of: tid, since: record, until: later, isFollowed: isFollowed)
      if doing == .blocked, let later, later.kind == .wake, later.isTold, later.context == .task, later.other != tid,
        later.other != 0
      {
        let waker = self.number(before: laterNumber, by: later.previousOfOther)
        if depth < Self.mostSleepers {
          walk(later.other, waker, start, upper, depth: depth + 1, limit, &pieces)
        } else {
          append(tid, record, later, doing, start, upper, depth, &pieces)
        }
      } else {
        append(tid, record, later, doing, start, upper, depth, &pieces)
      }
      upper = start
      (later, laterNumber) = (record, number)
    }
  }

  private func append(
    _ tid: Int32, _ record: HistoryRecord, _ later: HistoryRecord?, _ doing: PathPiece.Doing, _ start: UInt64,
    _ end: UInt64, _ depth: UInt8, _ pieces: inout FlatArray<PathPiece>
  ) {
    guard end > start else { return }
    var piece = PathPiece(start: start, end: end, tid: tid, doing: doing, cpu: record.cpu, depth: depth)
    piece.isInterruptible = record.state & TaskState.interruptible != 0
    if doing == .blocked, let later, later.kind == .wake, later.isTold {
      piece.wokenBy = later.context == .task ? .task : .interrupt
    }
    pieces.append(piece)
  }

  /// What the task did between two of its records, which follow each other; nil: up to now.
  private func doing(
    of tid: Int32, since record: HistoryRecord, until later: HistoryRecord?, isFollowed: Bool
  ) -> PathPiece.Doing {
    let endsBySwitchOut = later.map { $0.kind == .contextSwitch && $0.task == tid } ?? false
    let endsBySwitchIn = later.map { $0.kind == .contextSwitch && $0.other == tid } ?? false
    let endsByWake = later.map { $0.kind == .wake } ?? false
    if record.kind == .contextSwitch, record.other == tid {
      // Of a task that is not followed, a switch on its own CPU must tell that it was there until then.
      if endsBySwitchOut { return record.cpu == later?.cpu ? .running : .unknown }
      return isFollowed && (later == nil || endsByWake) ? .running : .unknown
    }
    guard isFollowed else { return .unknown }
    if record.kind == .wake { return later == nil || endsBySwitchIn || endsByWake ? .ready : .unknown }
    let state = record.state & TaskState.reported
    if state & TaskState.dead != 0 { return .unknown }
    if state == 0 { return later == nil || endsBySwitchIn || endsByWake ? .ready : .unknown }
    guard later == nil || endsByWake else { return .unknown }
    return state & TaskState.stoppedOrTraced != 0 ? .stopped : .blocked
  }
}
