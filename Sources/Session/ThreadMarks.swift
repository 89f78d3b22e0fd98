internal import Aggregator
internal import TraceModel

/// What became true of the target's threads at a time, without an event: an aggregator is told when the stream has come as far.
struct ThreadMarks {
  enum Mark {
    /// The kernel's filter has held the thread since.
    case filtered(Int32)
    case seen(ThreadFacts)
    /// These are all threads of the target's processes; others have ended.
    case alive([ThreadFacts])
    /// The process is numbering its syscalls so.
    case abi(Int32, SyscallABI)
  }

  /// In order of time. Those before `reached` have been told.
  private var marks: [(time: UInt64, mark: Mark)] = []
  private var reached = 0

  /// Adds what became true at `time`, ns. One that is older than others goes before them.
  mutating func add(_ mark: Mark, at time: UInt64) {
    var place = marks.count
    while place > reached, marks[place - 1].time > time { place -= 1 }
    marks.insert((time, mark), at: place)
  }

  /// When the aggregator has to be told something; the stream must not be followed beyond that before `reach`. Nil for nothing.
  var edge: UInt64? { reached < marks.count ? marks[reached].time : nil }

  /// All events up to `edge` have been consumed: tells the aggregator what became true then.
  mutating func reach(_ aggregator: inout Aggregator, _ names: inout NameTable) {
    let (time, mark) = marks[reached]
    reached += 1
    // What is left is moved once in a while, not each time.
    if reached == marks.count || reached >= 1024 {
      marks.removeFirst(reached)
      reached = 0
    }
    switch mark {
    case .filtered(let tid): aggregator.refiltered(tid: tid, at: time)
    case .seen(let thread): aggregator.observe(ThreadObservation(thread, &names), at: time)
    case .alive(let threads):
      var alive: [ThreadObservation] = []
      for thread in threads { alive.append(ThreadObservation(thread, &names)) }
      aggregator.reconcile(alive: alive, at: time)
    case .abi(let pid, let abi): aggregator.setABI(abi, of: pid)
    }
  }
}

extension ThreadObservation {
  /// What was seen of a thread, for an aggregator.
  init(_ seen: ThreadFacts, _ names: inout NameTable) {
    self.init(
      pid: seen.pid, tid: seen.tid, name: names.intern(seen.name), state: seen.state,
      mode: seen.isInSyscall.map { $0 ? .syscall : .user } ?? .unknown, isWorker: seen.isWorker,
      syscall: seen.syscall, syscallArgument: seen.syscallArgument)
  }
}
