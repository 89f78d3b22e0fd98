/// What may be spent on symbols and DWARF: of one file, and of all files together. A hostile target has as many as it likes.
final class DebugBudget {
  /// The most bytes of one file's DWARF sections, unpacked.
  private static let sectionLimit: UInt64 = 1 << 30
  /// The most bytes of all files' DWARF sections, unpacked.
  private static let sectionsLimit: UInt64 = 2 << 30
  /// The bytes by which the process may have grown since the budget was made, whatever for.
  private static let memoryLimit: UInt64 = 3 << 30
  /// The most time for one file's DWARF.
  private static let fileTimeLimit = Duration.seconds(10)
  /// The most time for the DWARF of all files.
  private static let timeLimit = Duration.seconds(60)

  private let memoryEnd = ProcessMemory.resident &+ memoryLimit
  private var sections: UInt64 = 0
  private var spent = Duration.zero
  private var deadline = ContinuousClock.now
  private var nextMemoryCheck = ContinuousClock.now
  private var isMemorySpent = false
  /// Whether anything was left out because it would have cost too much.
  private(set) var isExceeded = false
  /// The number of files whose debug information is there, and could not be read, be it damaged or compressed in an unknown way.
  private(set) var unreadable = 0

  /// Whether a file's sections of that many bytes may be read; takes them off.
  func takeSections(_ count: UInt64) -> Bool {
    guard count <= Self.sectionLimit, sections + count <= Self.sectionsLimit else {
      leaveOut()
      return false
    }
    sections += count
    return true
  }

  /// Whether the process has grown so much that nothing more is to be read.
  var isOutOfMemory: Bool {
    let now = ContinuousClock.now
    if !isMemorySpent, now >= nextMemoryCheck {
      nextMemoryCheck = now.advanced(by: .milliseconds(10))
      isMemorySpent = ProcessMemory.resident > memoryEnd
    }
    return isMemorySpent
  }

  /// Calls `body`, in which `hasMore` tells whether to go on; nil if nothing is left. `file`: what was spent on that file
  /// so far, and is from now on.
  func spend<Result>(on file: inout Duration, _ body: () -> Result) -> Result? {
    let left = min(Self.fileTimeLimit - file, Self.timeLimit - spent)
    guard left > .zero, !isOutOfMemory else {
      leaveOut()
      return nil
    }
    let start = ContinuousClock.now
    deadline = start + left
    let result = body()
    let time = ContinuousClock.now - start
    file += time
    spent += time
    if time >= left || isOutOfMemory { leaveOut() }
    return result
  }

  /// Takes note that something is not read, because it would cost too much.
  func leaveOut() { isExceeded = true }

  /// Takes note that a file's debug information, or a part of it, cannot be read.
  func noteUnreadable() { unreadable += 1 }

  /// Whether there is time and memory for another step.
  var hasMore: Bool { ContinuousClock.now < deadline && !isOutOfMemory }
}
