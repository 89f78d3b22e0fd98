internal import Aggregator
internal import Report
internal import Session
internal import TraceModel

extension Sample {
  /// The report's form of a window. For `recordingCost` see `RecordingCost`; `clock` is what the clocks say now.
  init(_ result: WindowResult, recordingCost: UInt64?, clock: ClockPair) {
    self.init(
      targetPID: result.target, targetName: result.targetName, index: result.index, snapshot: result.snapshot,
      loss: result.loss, names: result.names, started: clock.wallTime(at: result.snapshot.start),
      stopped: clock.wallTime(at: result.snapshot.stop), dumped: clock.wall)
    startTrigger = result.startTrigger
    stopTrigger = result.stopTrigger
    gatingIsUncertain = result.gatingIsUncertain
    namesAreUncertain = !result.uncertainProcesses.isEmpty
    self.recordingCost = recordingCost
    upcalls = result.missedUpcalls.map { UpcallStatistics(counts: result.snapshot.upcalls, missed: $0) }
    stacks.wakers = result.wakers
    for (index, slow) in result.slowSyscalls.enumerated() { snapshot.syscallEvents[index].abi = slow.call.abi }
    guard let found = result.stacks else { return }
    stacks.events = result.slowSyscalls.map { slow in
      var event = EventStacks(
        user: Int32(slow.userStack ?? -1), userEnd: slow.userStackEnd, kernel: Int32(slow.kernelStack ?? -1))
      event.isCompat = slow.isCompat
      return event
    }
    stacks.waits = result.slowSyscalls.flatMap(\.waits).map { Int32($0.kernelStack ?? -1) }
    stacks.loss = found.loss
    stacks.dropped = found.dropped
    stacks.thresholdHelps = found.thresholdHelps
  }
}
