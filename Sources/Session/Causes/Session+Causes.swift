internal import Aggregator
internal import TraceModel

// Why the target's threads were in their states.
extension Session {
  /// Adds to a window's result why its threads were in their states, and what the worst of them depended on.
  mutating func findCauses(_ result: inout WindowResult) {
    causeFinder.note(aggregator.takeNewTasks())
    let snapshot = result.snapshot
    for times in aggregator.takeCPUTimes(upTo: snapshot.stop) where settings.recordsCauses {
      result.machine.idleTime[times.cpu] = times.idle
      result.machine.unknownTime[times.cpu] = times.unknown
    }
    let window = causeFinder.window(result, kernelStacks)
    let majorFaults = machineWatch?.majorFaultsSinceOpening(aggregator.livingProcesses) ?? [:]
    for thread in snapshot.threads {
      let abi =
        snapshot.processes.indices.contains(thread.process) ? snapshot.processes[thread.process].abi : settings.abi
      var causes = causeFinder.causes(of: thread, abi: abi, in: window) { aggregator.switchedName(of: $0) }
      causes.inProgress = thread.openCall.map { inProgress($0, thread.tid, at: snapshot.stop) }
      causes.pageFaults.major = majorFaults[thread.tid]
      result.causes.append(causes)
    }
    result.criticalPath = criticalPath(snapshot, result.causes, window)
  }

  /// A call that has not ended when the window closes, with its stacks where these are sampled.
  private mutating func inProgress(_ open: OpenCall, _ tid: Int32, at time: UInt64) -> InProgress {
    var call = InProgress(open)
    stacks?.find(for: &call, of: tid, at: time, aggregator.returnAddresses)
    return call
  }

  private mutating func criticalPath(
    _ snapshot: Snapshot, _ causes: [ThreadCauses], _ window: CauseFinder.Window
  ) -> [PathSegment] {
    guard let thread = CriticalPath.thread(snapshot.threads, causes) else { return [] }
    var pieces = FlatArray<PathPiece>()
    aggregator.criticalPath(
      of: thread.tid, from: snapshot.start, to: snapshot.stop, limit: CriticalPath.mostPieces, into: &pieces)
    return CriticalPath.segments(pieces) { tid in
      causeFinder.task(tid, window) { aggregator.switchedName(of: $0) }
    }
  }
}

extension InProgress {
  fileprivate init(_ call: OpenCall) {
    self.init(
      number: call.number, abi: call.abi, entry: call.entry, beganEarlier: call.beganEarlier, state: call.state)
    isPageFault = call.isPageFault
  }
}
