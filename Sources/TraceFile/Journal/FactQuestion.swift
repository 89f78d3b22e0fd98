/// A question of `TargetFacts`, as a note has it.
enum FactQuestion {
  case now, clock, pressure
  case threads(Int32), thread(Int32, Int32), hasThread(Int32, Int32), abi(Int32), name(Int32), descendants([Int32])
  case isAlive(Int32), codeMappings(Int32), process(Int32), controlGroup(Int32), kernelFunctions(Int32, Int32)
  case mappedFiles(Int32)

  var text: String {
    switch self {
    case .now: "now"
    case .clock: "clock"
    case .pressure: "pressure"
    case .threads(let pid): "threads \(pid)"
    case .thread(let tid, let pid): "thread \(tid) \(pid)"
    case .hasThread(let tid, let pid): "has-thread \(tid) \(pid)"
    case .abi(let pid): "abi-of \(pid)"
    case .name(let tid): "name \(tid)"
    case .descendants(let pids): "descendants \(pids.map(String.init).joined(separator: ","))"
    case .isAlive(let pid): "alive \(pid)"
    case .codeMappings(let pid): "code \(pid)"
    case .process(let tid): "process \(tid)"
    case .controlGroup(let pid): "control-group \(pid)"
    case .kernelFunctions(let tid, let pid): "kernel-functions \(tid) \(pid)"
    case .mappedFiles(let pid): "mapped \(pid)"
    }
  }
}

extension FactQuestion {
  /// The first words of questions whose answers stay true for a while.
  private static let lastingNames: Set<Substring> = ["clock", "threads", "abi-of", "name", "process", "code", "mapped"]

  /// Whether the answer to the question with this text stays true for a while.
  static func isLasting(_ text: String) -> Bool { lastingNames.contains(text.prefix { $0 != " " }) }
}
