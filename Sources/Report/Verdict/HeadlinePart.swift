internal import Aggregator
internal import Session

/// What the first sentence of a verdict says that threads lost their time to.
struct HeadlinePart {
  let time: UInt64
  /// Whether the kernel may be to blame.
  let mayBeKernel: Bool
  /// The words; they take the share of the time.
  let text: (String) -> String

  /// The parts of what a pool's threads lost, the largest first. No cause is in two of them.
  static func of(_ pool: VerdictPool) -> [HeadlinePart] {
    var times = [UInt64](repeating: 0, count: Part.allCases.count)
    for thread in pool.threads {
      for cause in thread.blamed { times[Part(cause).rawValue] += cause.total }
    }
    return Part.allCases.filter { times[$0.rawValue] > 0 }.sorted { times[$0.rawValue] > times[$1.rawValue] }.map {
      part in
      HeadlinePart(time: times[part.rawValue], mayBeKernel: part.mayBeKernel) { part.text($0, pool.threads.count > 1) }
    }
  }

  private enum Part: Int, CaseIterable {
    case kernel, blocked, faults, heldUp, waiting, ownProcess, ownTool, stopped

    init(_ cause: Cause) {
      switch TimeDivision.part(cause.state, cause.kind) {
      case .stopped: self = .stopped
      case .unknown: self = .blocked
      case .waiting: self = cause.path?.doing == .ready ? .heldUp : .waiting
      case .kernel, .idle, .user:
        if cause.state == .ready, cause.kind == .ownProcess {
          self = .ownProcess
        } else if cause.state == .ready, cause.by?.isTool == true {
          self = .ownTool
        } else {
          // A fault that another task ends can be that of a program (userfaultfd), and can be that of the kernel.
          self = cause.kind == .pageFault && cause.by != nil ? .faults : .kernel
        }
      }
    }

    /// One that waits for a task without a CPU waits for a CPU.
    var mayBeKernel: Bool { [.kernel, .blocked, .faults, .heldUp].contains(self) }

    func text(_ share: String, _ areMany: Bool) -> String {
      switch self {
      case .kernel: "lost \(share) to the kernel"
      case .blocked: "\(areMany ? "were" : "was") blocked \(share) for a reason that no event tells"
      case .faults: "waited \(share) in page faults that other tasks ended"
      case .heldUp: "waited \(share) for other tasks that had no CPU"
      case .waiting: "waited \(share) for other tasks"
      case .ownProcess: "waited \(share) for a CPU that \(areMany ? "their" : "its") own process held"
      case .ownTool: "waited \(share) for a CPU that this tool held"
      case .stopped: "\(areMany ? "were" : "was") stopped \(share)"
      }
    }
  }
}
