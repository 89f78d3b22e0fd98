internal import Aggregator
internal import TraceModel

/// What the thread depended on that lost the most time of a window to others.
enum CriticalPath {
  /// The most pieces of a window's path; of what is before them nothing is kept.
  static let mostPieces = 4096

  /// The thread whose path is shown: the one that lost most time, idling aside. Nil where none lost any.
  static func thread(_ threads: [ThreadSnapshot], _ causes: [ThreadCauses]) -> ThreadSnapshot? {
    var worst: (lost: UInt64, thread: ThreadSnapshot)?
    for (thread, causes) in zip(threads, causes) {
      var lost: UInt64 = 0
      for cause in causes.causes where cause.state != .user && cause.kind != .idle && cause.kind != .timer {
        lost += cause.total
      }
      if lost > worst?.lost ?? 0 { worst = (lost, thread) }
    }
    return worst?.thread
  }

  /// The segments of a path, in order of time, from its pieces, of which the latest is first. Neighbours that are alike are one.
  static func segments(
    _ pieces: borrowing FlatArray<PathPiece>, _ task: (Int32) -> Cause.Task
  ) -> [PathSegment] {
    var segments: [PathSegment] = []
    for position in (0..<pieces.count).reversed() {
      let piece = pieces[position]
      let state = state(of: piece)
      let kind: Cause.Kind? = piece.doing == .blocked && piece.wokenBy == .interrupt ? .interrupt : nil
      if let last = segments.indices.last, segments[last].task.tid == piece.tid, segments[last].state == state,
        segments[last].kind == kind, segments[last].end == piece.start
      {
        segments[last].end = piece.end
      } else {
        segments.append(
          PathSegment(start: piece.start, end: piece.end, task: task(piece.tid), state: state, kind: kind))
      }
    }
    return segments
  }

  private static func state(of piece: PathPiece) -> AccountingState? {
    switch piece.doing {
    case .running: nil
    case .ready: .ready
    case .blocked: piece.isInterruptible ? .blockedInterruptible : .blockedUninterruptible
    case .stopped: .stopped
    case .unknown: .unknown
    }
  }
}
