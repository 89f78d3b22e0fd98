internal import Aggregator
internal import TraceModel

// Why the target's threads were in their states.
extension Session {
  /// Adds to a window's result why its threads were in their states.
  mutating func findCauses(_ result: inout WindowResult) {
    let snapshot = result.snapshot
    var threads: [Int32: (pid: Int32, name: String)] = [:]
    for thread in snapshot.threads { threads[thread.tid] = (thread.pid, result.names[thread.name]) }
    let window = CauseFinder.Window(
      machine: result.machine, names: result.names, stacks: kernelStacks, threads: threads, switched: [:])
    for thread in snapshot.threads {
      let abi =
        snapshot.processes.indices.contains(thread.process) ? snapshot.processes[thread.process].abi : settings.abi
      var causes = causeFinder.causes(of: thread, abi: abi, in: window)
      causes.inProgress = thread.openCall.map { InProgress($0) }
      result.causes.append(causes)
    }
    causeFinder.closeWindow()
  }
}

extension InProgress {
  fileprivate init(_ call: OpenCall) {
    self.init(
      number: call.number, abi: call.abi, entry: call.entry, beganEarlier: call.beganEarlier, state: call.state)
    isPageFault = call.isPageFault
  }
}
