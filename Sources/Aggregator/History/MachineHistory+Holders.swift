package import TraceModel

// Who had a CPU, for the thread that waited for it.
extension MachineHistory {
  /// The most records that any question may walk back over. With very many threads ready on a CPU, each of their waits has very many
  /// records: beyond this, questions share what `allowance` grows by with each record.
  private static let mostRecords = 512

  /// Sets `holdings` to who had a CPU between `from` and `to`, ns: pieces without gaps, in order of time. `waiting` is the thread that waited: two
  /// instances stamp one switch some 100 ns apart, so that it can seem to have had the CPU at the edges; these pieces go to the neighbour.
  package mutating func holders(
    ofCPU cpu: UInt16, from: UInt64, to: UInt64, waiting: Int32, into holdings: inout FlatArray<CPUHolding>
  ) {
    holdings.removeAll()
    guard to > from else { return }
    collect(onCPU: cpu, from: from, to: to)
    var time = from
    // From the oldest record on: `walked` has the latest first.
    var position = walked.count - 1
    while position >= 0 {
      let number = walked[position]
      let record = record(number)
      let end = nextSwitch(position)
      let holder: CPUHolding.Holder
      var tid: Int32 = 0
      if record.kind != .contextSwitch {
        // Since then every switch was recorded: who gives the CPU up at the next one has had it all along.
        let next = isComplete ? end.previous : nil
        holder = next.map { $0 < 0 ? .unknown : $0 == 0 ? .idle : .task } ?? .unknown
        tid = max(next ?? 0, 0)
      } else if end.previous.map({ $0 == record.other }) ?? isComplete {
        holder = record.other == 0 ? .idle : .task
        tid = record.other
      } else {
        holder = .unknown
      }
      add(position, end.position, holder, tid, &time, to, &holdings)
      position = end.position
    }
    if time < to { Self.append(.unknown, 0, time, to, &holdings) }
    Self.giveAway(waiting, &holdings)
  }

  /// Collects the numbers of the CPU's records from the latest one before `to` back to the one that says who had the CPU at `from`.
  private mutating func collect(onCPU cpu: UInt16, from: UInt64, to: UInt64) {
    walked.removeAll()
    let most = max(Self.mostRecords, min(allowance, 1 << 16))
    var number = last(onCPU: cpu)
    // The first switch after `to` says who had the CPU until then.
    var closing = -1
    var skipped = 0
    while number >= 0, record(number).time > to, skipped < Self.mostRecords * 8 {
      if record(number).kind == .contextSwitch { closing = number }
      number = self.number(before: number, by: record(number).previousOnCPU)
      skipped += 1
    }
    if closing >= 0 { walked.append(closing) }
    while number >= 0, walked.count < most {
      walked.append(number)
      let record = record(number)
      if record.time <= from, record.kind == .contextSwitch || record.kind == .gap { break }
      number = self.number(before: number, by: record.previousOnCPU)
    }
    allowance = max(0, allowance - walked.count)
    // What comes before the first switch is not known.
    while walked.count > 0, record(walked[walked.count - 1]).kind != .contextSwitch,
      record(walked[walked.count - 1]).kind != .gap
    {
      _ = walked.removeLast()
    }
  }

  /// The next switch or gap after the one at `position` of `walked`: its position, -1 for none, and who gave up the CPU there;
  /// nil where that is open.
  private func nextSwitch(_ position: Int) -> (position: Int, previous: Int32?) {
    var next = position - 1
    while next >= 0 {
      let record = record(walked[next])
      if record.kind == .contextSwitch { return (next, record.task) }
      if record.kind == .gap { return (next, -1) }
      next -= 1
    }
    return (-1, nil)
  }

  /// Adds the pieces between two switches: what the holder had, and what interrupts had of it.
  private func add(
    _ first: Int, _ last: Int, _ holder: CPUHolding.Holder, _ tid: Int32, _ time: inout UInt64, _ to: UInt64,
    _ holdings: inout FlatArray<CPUHolding>
  ) {
    let begin = record(walked[first]).time
    if begin > time { Self.append(.unknown, 0, time, min(begin, to), &holdings) }
    time = max(time, min(begin, to))
    var depth = 0
    var position = first - 1
    while position > last {
      let record = record(walked[position])
      let isBegin = record.kind == .interruptBegin
      let until = min(record.time, to)
      if isBegin ? depth == 0 : depth == 1 {
        if until > time { Self.append(isBegin ? holder : .interrupt, isBegin ? tid : 0, time, until, &holdings) }
        time = max(time, until)
      }
      // The end of an interrupt whose begin is not there says nothing.
      depth = isBegin ? depth + 1 : max(depth - 1, 0)
      position -= 1
    }
    let until = last >= 0 ? min(record(walked[last]).time, to) : to
    if until > time {
      let isInterrupt = depth > 0
      Self.append(isInterrupt ? .interrupt : holder, isInterrupt ? 0 : tid, time, until, &holdings)
      time = until
    }
  }

  private static func append(
    _ holder: CPUHolding.Holder, _ tid: Int32, _ start: UInt64, _ end: UInt64, _ holdings: inout FlatArray<CPUHolding>
  ) {
    if end <= start { return }
    let last = holdings.count - 1
    if last >= 0, holdings[last].holder == holder, holdings[last].tid == tid, holdings[last].end == start {
      holdings[last].end = end
    } else {
      holdings.append(CPUHolding(start: start, end: end, holder: holder, tid: tid))
    }
  }

  /// Gives the pieces of the waiting thread at the edges to their neighbours; where it is all, nobody knows. Amid the others it was not waiting for
  /// this CPU.
  private static func giveAway(_ waiting: Int32, _ holdings: inout FlatArray<CPUHolding>) {
    let count = holdings.count
    for position in 0..<count where holdings[position].holder == .task && holdings[position].tid == waiting {
      let neighbour = position == 0 ? 1 : position - 1
      let isEdge = position == 0 || position == count - 1
      if isEdge, count > 1 {
        holdings[position].holder = holdings[neighbour].holder
        holdings[position].tid = holdings[neighbour].tid
      } else {
        holdings[position].holder = .unknown
        holdings[position].tid = 0
      }
    }
  }
}
