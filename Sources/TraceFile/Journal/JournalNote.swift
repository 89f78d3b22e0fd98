package import TraceFormat
package import TraceModel

/// One line of a recording's journal: what a session was told besides events, in the order in which it was told.
///
/// A journal is the notes of the record `kdelay:note`, in a buffer of the recording of its own. Other readers of recordings
/// list them as text.
package enum JournalNote: Sendable, Equatable {
  /// The version of the notes' format; the first note.
  case version(Int)
  /// The arguments of the command line that recorded.
  case arguments([String])
  /// A process of the target when the recording began, in their order.
  case target(NamedProcess)
  /// A trigger as the operator wrote it, and whether only the target can have caused it.
  case trigger(text: String, isUserSpace: Bool, stops: Bool)
  /// An event that no event of the kernel's own tells the kind of: a trigger, an upcall, a call that returns. It is in the buffer of
  /// that name.
  case event(EventName, EventKind)
  /// What recording a syscall adds to its thread's time, ns.
  case recordingCost(UInt64)
  /// A sentence about causes that the recorded kernel could not tell.
  case missingCause(String)
  /// Whether Open vSwitch's upcalls were recorded.
  case countsUpcalls(Bool)
  /// The numbering of syscalls of the machine's own programs.
  case abi(SyscallABI)
  /// The pid of the tool that recorded.
  case tool(Int32)
  /// The recorded streams, in the order of their positions.
  case streams([RecordedStreamName])
  /// The session began: events were recorded by then. `gateCloses`: as `Session.begin` has it.
  case begin(others: [NamedProcess], gateCloses: Bool?)
  /// The command's program began.
  case commandBegan
  /// A turn of reading the streams.
  case turn(JournalTurn)
  /// The kernel's probes have missed triggers or upcalls.
  case missed(triggers: UInt64, upcalls: UInt64)
  /// A step to an open gate was taken; see `Session.gateWidened`.
  case gate(closes: Bool)
  /// The tasks were put into the kernel's filter.
  case watched([Int32])
  /// A process came to the target.
  case added(NamedProcess)
  /// The target ended, or the operator wanted to, at this time, ns.
  case cut(at: UInt64)
  /// The rest was not written: why the recording has no proper end.
  case stopped(String)
  /// A question of the session's, and the answer's words; "-" where nobody knew.
  case answer(question: String, words: String)
}

/// The name of one recorded stream: a CPU's ring buffer in an instance.
package struct RecordedStreamName: Sendable, Hashable {
  /// The name of the instance's buffer in the recording; empty for the one with the target's data.
  package var buffer: String
  package var cpu: Int

  package init(buffer: String, cpu: Int) {
    self.buffer = buffer
    self.cpu = cpu
  }
}

/// One turn of reading all streams: what came with it.
package struct JournalTurn: Sendable, Equatable {
  /// What one stream had in a turn.
  package struct Part: Sendable, Equatable {
    /// The stream's position.
    package var position: Int
    /// The number of sub-buffers that were read.
    package var pages: Int
    /// The number of events that the stream had lost in all by then, by the kernel's count; nil where that was not asked.
    package var overrun: UInt64?

    package init(position: Int, pages: Int, overrun: UInt64? = nil) {
      self.position = position
      self.pages = pages
      self.overrun = overrun
    }
  }

  /// The clock before the turn, CLOCK_MONOTONIC, ns.
  package var now: UInt64
  /// The streams that had something.
  package var parts: [Part]

  package init(now: UInt64, parts: [Part] = []) {
    self.now = now
    self.parts = parts
  }
}
