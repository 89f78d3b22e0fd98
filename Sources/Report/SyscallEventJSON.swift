internal import Aggregator
internal import TraceModel

/// Slow syscalls with their stacks and waits, separated by commas.
enum SyscallEventJSON {
  static func write(_ sample: Sample, _ write: (String) -> Void) {
    let stacks = StackTexts(sample.stacks)
    var piece = ""
    for index in sample.snapshot.syscallEvents.indices {
      if index > 0 { piece += "," }
      piece += value(index, sample, stacks).text
      if piece.utf8.count >= 1 << 16 {
        write(piece)
        piece = ""
      }
    }
    write(piece)
  }

  /// Each stack's frames are rendered once.
  private struct StackTexts {
    private let user: [String]
    private let kernel: [String]

    init(_ stacks: SyscallStacks) {
      let users = Set(stacks.events.map(\.user))
      let kernels = Set(stacks.events.map(\.kernel) + stacks.waits)
      user = stacks.stacks.enumerated().map { index, stack in
        users.contains(Int32(index)) ? JSONValue.array(stack.map(SyscallEventJSON.userFrame)).text : ""
      }
      kernel = stacks.stacks.enumerated().map { index, stack in
        kernels.contains(Int32(index)) ? JSONValue.array(stack.map(SyscallEventJSON.kernelFrame)).text : ""
      }
    }

    func user(_ number: Int32) -> JSONValue { value(user, number) }
    func kernel(_ number: Int32) -> JSONValue { value(kernel, number) }

    private func value(_ texts: [String], _ number: Int32) -> JSONValue {
      texts.indices.contains(Int(number)) ? .text(texts[Int(number)]) : .array([])
    }
  }

  private static func value(_ index: Int, _ sample: Sample, _ stacks: StackTexts) -> JSONValue {
    let (event, own) = (sample.snapshot.syscallEvents[index], sample.stacks.stacks(ofEvent: index))
    let waits = Sample.waits(of: event).map { index in
      wait(
        sample.snapshot.syscallWaits[index], sample,
        stacks.kernel(sample.stacks.waits.indices.contains(index) ? sample.stacks.waits[index] : -1))
    }
    return .object([
      ("tid", .integer(Int64(event.tid))), ("comm", .string(sample.names[event.name])),
      ("name", .string(SyscallNames.name(event.number, abi: event.abi))),
      ("name_uncertain", .bool(sample.isNameUncertain(ofEvent: index))), ("number", .integer(Int64(event.number))),
      ("entry_ns", .unsigned(event.entry)), ("exit_ns", .unsigned(event.exit)),
      ("return_value", .integer(event.returnValue)), ("user_stack", stacks.user(own.user)),
      ("user_stack_end", .string(own.userEnd.rawValue)), ("kernel_stack", stacks.kernel(own.kernel)),
      ("waits", .array(waits)), ("waits_left_out", .unsigned(UInt64(event.waitsLeftOut))),
    ])
  }

  private static func wait(_ wait: SyscallWait, _ sample: Sample, _ kernelStack: JSONValue) -> JSONValue {
    .object([
      ("start_ns", .unsigned(wait.start)), ("blocked_ns", .unsigned(wait.blocked)), ("ready_ns", .unsigned(wait.ready)),
      ("state", .string(WaitSummary.state(wait.state))), ("end_known", .bool(!wait.isCut)),
      ("kernel_stack", kernelStack),
      (
        "waker",
        wait.waker.map { waker in
          .object([
            ("context", .string(context(waker.context))), ("tid", .integer(Int64(waker.tid))),
            ("comm", sample.name(of: waker).map { .string($0) } ?? .null),
          ])
        } ?? .null
      ),
    ])
  }

  private static func context(_ context: Waker.Context) -> String {
    switch context {
    case .task: "task"
    case .softIRQ: "soft interrupt"
    case .hardIRQ: "hard interrupt"
    }
  }

  private static func userFrame(_ frame: StackFrame) -> JSONValue {
    .object(
      members(frame) + [
        ("source", frame.source.map { .string($0) } ?? .null), ("inlined", .bool(frame.isInlined)),
        ("guessed", .bool(frame.isGuessed)),
      ])
  }

  private static func kernelFrame(_ frame: StackFrame) -> JSONValue { .object(members(frame)) }

  private static func members(_ frame: StackFrame) -> [(String, JSONValue)] {
    [
      ("address", .unsigned(frame.address)), ("symbol", frame.symbol.map { .string($0) } ?? .null),
      ("offset", .unsigned(frame.symbol == nil ? frame.moduleOffset : frame.offset)), ("module", .string(frame.module)),
    ]
  }
}
