internal import Session

/// The members of the JSON report that are the verdict, and what the machine did besides.
enum VerdictTable {
  static let table = JSONTable<Verdict>(
    "verdict",
    [
      .nanoseconds("lifetime_ns", "The lives of all threads in the window; the six members behind add up to it") {
        $0.division.lifetime
      }
    ],
    TimeDivision.Part.allCases.map { part in
      let (name, description) = text(of: part)
      return .nanoseconds(name, description) { $0.division[part] }
    },
    [
      .texts("text", "The verdict in words, a sentence each, the worst thing first") { $0.sentences.map(\.plain) },
      .list("causes", CauseTable.blamed, "The causes that cost threads time, the worst first, at most 64") {
        $0.causes
      },
      .count("causes_left_out", "How many more such causes there are") { UInt64($0.causesLeftOut) },
    ])

  private static func text(of part: TimeDivision.Part) -> (name: String, description: String) {
    switch part {
    case .kernel: ("kernel_ns", "In the kernel or kept by it: syscalls, interrupts, no CPU, a disk, memory, its locks")
    case .waiting: ("waiting_ns", "Waiting for other tasks: locks of programs and files, pipes, sockets, children")
    case .stopped: ("stopped_ns", "Stopped by a signal or by a tracer")
    case .idle: ("idle_ns", "Waiting for work, or for a timer of its own")
    case .user: ("user_ns", "In the program's own code")
    case .unknown: ("unknown_ns", "Not known: no event tells")
    }
  }

  // MARK: The machine

  private struct CPUTime {
    let cpu: Int
    let idle: UInt64
    let unknown: UInt64
  }

  private struct Pressure {
    let resource: String
    let time: UInt64
  }

  static let machine = JSONTable<MachineObservation>([
    .flag("recorded", "Whether the whole machine was recorded (--blame)") { $0.isRecorded },
    .list("cpus", cpu, "The CPUs of which something is known") { machine in
      Set(machine.idleTime.keys).union(machine.unknownTime.keys).sorted().map {
        CPUTime(cpu: $0, idle: machine.idleTime[$0] ?? 0, unknown: machine.unknownTime[$0] ?? 0)
      }
    },
    .list("pressure", pressure, "How long some tasks were stalled in the window, by resource") { machine in
      machine.pressure.sorted { $0.key < $1.key }.map { Pressure(resource: $0.key, time: $0.value) }
    },
    .texts("missing", "What --blame asks for and this machine does not have, a sentence each") { $0.missing },
  ])

  private static let cpu = JSONTable<CPUTime>([
    .number("cpu", "The CPU's number") { Int64($0.cpu) },
    .nanoseconds("idle_ns", "How long it had nothing to do") { $0.idle },
    .nanoseconds("unknown_ns", "How long nothing tells what it did") { $0.unknown },
  ])

  private static let pressure = JSONTable<Pressure>([
    .text("resource", "The resource: cpu, io or memory") { $0.resource },
    .nanoseconds("total_ns", "How long some tasks had to wait for it") { $0.time },
  ])
}
