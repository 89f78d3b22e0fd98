internal import TraceSource
internal import Unwinder

/// Finds out where a trigger is in all of the target's processes, each of which has a program and libraries of its own.
///
/// The files of all of them stay open as long as this value is there: until the kernel has its probes.
struct TriggerUnion: ~Copyable {
  /// Processes that have their code in common, and where triggers are in it.
  private final class Member {
    var processes: [TargetProcess]
    var resolver: TriggerResolver

    init(_ processes: [TargetProcess], _ resolver: consuming TriggerResolver) {
      self.processes = processes
      self.resolver = resolver
    }
  }

  private var members: [Member]
  private var ownWarnings: [String] = []

  /// A union for one process, or for a program that is to be started. `isForced`: the operator accepts that the target may be
  /// harmed.
  init(_ code: consuming TargetCode, isForced: Bool) {
    members = [Member([], TriggerResolver(code, isForced: isForced))]
  }

  /// The union for the target's processes. `path`: that of the program of a command that has not begun yet.
  static func of(_ processes: [TargetProcess], command path: String?, isForced: Bool) -> TriggerUnion {
    if let path { return TriggerUnion(TargetCode.of(command: path), isForced: isForced) }
    return TriggerUnion(of: processes, isForced: isForced)
  }

  /// A union for running processes; there is one at least.
  init(of processes: [TargetProcess], isForced: Bool) {
    let pids = Set(processes.map(\.pid))
    var found: [CodeFingerprint: Member] = [:]
    members = []
    for process in processes {
      let fingerprint = CodeFingerprint(of: process)
      if let member = found[fingerprint] {
        member.processes.append(process)
        continue
      }
      let member = Member(
        [process], TriggerResolver(TargetCode(of: process, others: pids), isForced: isForced))
      found[fingerprint] = member
      members.append(member)
    }
  }

  /// What the operator should know of the triggers that were resolved.
  var warnings: [String] {
    var all = ownWarnings
    for member in members {
      for warning in member.resolver.warnings where !all.contains(warning) { all.append(warning) }
    }
    return all
  }

  /// A probe at all places of the trigger in all processes. A process that has no such place is warned of; where none has one,
  /// the reason of the first is thrown.
  mutating func resolve(_ spec: TriggerSpec) throws(TriggerResolver.Failure) -> TriggerProbe {
    var probe: TriggerProbe?
    var failures: [(member: Member, failure: TriggerResolver.Failure)] = []
    for member in members {
      do throws(TriggerResolver.Failure) {
        let found = try member.resolver.resolve(spec)
        // The kernel's own places are the same for all.
        guard found.isUserSpace else { return found }
        guard let all = probe.map({ $0.union(found) }) ?? found else { throw Self.mixed }
        probe = all
      } catch {
        failures.append((member, error))
      }
    }
    guard let probe else {
      guard let (member, failure) = failures.first, members.count > 1 else {
        throw failures.first?.failure ?? TriggerResolver.Failure(reason: "there is no process", remedy: "name one")
      }
      throw TriggerResolver.Failure(
        reason: "\(failure.reason) (\(Self.text(member.processes)); the other processes have no place for it either)",
        remedy: failure.remedy)
    }
    for (member, failure) in failures {
      let warning = "a trigger is not set in \(Self.text(member.processes)): \(failure.reason)"
      if !ownWarnings.contains(warning) { ownWarnings.append(warning) }
    }
    return probe
  }

  private static let mixed = TriggerResolver.Failure(
    reason: "its returns are seen at its return address, and those in other processes at its instructions; one trigger "
      + "cannot be both",
    remedy: "watch these processes by themselves")

  /// `process 12 (nginx)`, `processes 12, 13 and 5 more (nginx)`
  private static func text(_ processes: [TargetProcess]) -> String {
    let names = Set(processes.map(\.name)).sorted().joined(separator: ", ")
    let shown = processes.prefix(3).map { String($0.pid) }.joined(separator: ", ")
    let more = processes.count > 3 ? " and \(processes.count - 3) more" : ""
    return "process\(processes.count == 1 ? "" : "es") \(shown)\(more) (\(names))"
  }
}
