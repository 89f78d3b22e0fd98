import Testing
import TraceFile
import TraceFormat
import TraceModel
import TraceTestSupport

/// A recording's notes, and the facts that they bring back.
struct JournalTests {
  private static let odd = "a b%c\\ = \u{1}é-"

  static let notes: [JournalNote] = [
    .version(1), .arguments(["-s", "1000", "--start-trigger", "k:do_sys_open if x == 1", ""]),
    .arguments(["--", "echo", "\\"]),
    .target(NamedProcess(pid: 12, name: odd)), .trigger(text: "up:\(odd)", isUserSpace: true, stops: false),
    .trigger(text: "-", isUserSpace: false, stops: true), .event(EventName("kdelay_1_2", "start"), .startTrigger),
    .event(EventName("kdelay_1_2", "call"), .returnAddress), .recordingCost(.max),
    .missingCause("This kernel has none."),
    .countsUpcalls(true), .abi(.arm64), .tool(7),
    .streams([RecordedStreamName(buffer: "", cpu: 0), RecordedStreamName(buffer: "machine", cpu: 3)]),
    .begin(others: [NamedProcess(pid: 3, name: "x y")], gateCloses: nil), .begin(others: [], gateCloses: false),
    .commandBegan, .missed(triggers: 3, upcalls: 0), .gate(closes: true), .watched([1, 2]),
    .added(NamedProcess(pid: 9, name: "")),
    .cut(at: 77), .stopped("the disk is full"), .answer(question: "threads 5", words: "-"),
    .turn(
      JournalTurn(now: 5, parts: [.init(position: 0, pages: 3), .init(position: 2, pages: 1, overrun: 12)])),
  ]

  @Test(arguments: notes)
  func aNoteIsReadAsItWasWritten(_ note: JournalNote) {
    #expect(JournalNote(note.text) == note)
    #expect(note.text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
    #expect(!note.text.hasSuffix(" \\"))
  }

  @Test
  func whatIsNoNoteIsNone() {
    for text in ["", "turn", "turn 5", "turn 5 1 0", "turn 5 1 -1 0 -", "begin", "target x y", "abi z", "thread 1 2"] {
      #expect(JournalNote(text) == nil, "\(text)")
    }
  }

  @Test
  func aLongNoteTakesSeveralRecords() {
    let note = JournalNote.arguments((0..<2000).map { "argument \($0) é" })
    #expect(note.records.count > 10)
    #expect(note.records.allSatisfy { $0.utf8.count < 3100 })
    #expect(note.records.map { $0.hasSuffix(" \\") ? String($0.dropLast(2)) : $0 }.joined() == note.text)
  }

  /// Of packed instances with larger sub-buffers than the machine's pages `trace-cmd convert` says that they have these.
  @Test
  func buffersOfUnlikeSubBuffersAreRefused() throws {
    let directory = try TemporaryDirectory()
    let (small, large) = (Fixture(kernel: "6.18", scenario: "mixed"), Fixture(kernel: "6.18", scenario: "subbuf64"))
    var writer = try RecordingWriter(
      directory: directory.path, head: small.head, buffers: [large.buffer(""), small.buffer("machine")], task: 1)
    try large.append(to: &writer, buffer: 0)
    try small.append(to: &writer, buffer: 1)
    try writer.note("version 1", at: 1)
    try writer.finish(RecordingTail())
    do throws(TraceFileError) {
      _ = try JournaledCapture.open(directory.path)
      Issue.record("it is read")
    } catch {
      #expect(error.code == .malformed && error.description.contains("4096 and 65536 bytes"))
    }
  }

  /// Facts whose answers differ from one question to the next.
  private final class ChangingFacts: TargetFacts {
    private var count: UInt64 = 0

    var now: UInt64 {
      count += 1
      return count
    }

    let clock: ClockPair? = ClockPair(
      monotonic: 5, wall: WallTime(seconds: 1_700_000_000, microseconds: 12, offset: -3600))

    func threads(of pid: Int32) -> [Int32]? { pid == 1 ? [1, 2] : nil }

    func thread(_ tid: Int32, of pid: Int32) -> ThreadFacts? {
      ThreadFacts(
        tid: tid, pid: pid, name: JournalTests.odd, state: .uninterruptible, isWorker: true, isInSyscall: false,
        userTicks: now, kernelTicks: 2, faults: 3, majorFaults: 4, runTime: nil, syscall: -1, syscallArgument: 7)
    }

    func hasThread(_ tid: Int32, of pid: Int32) -> Bool { tid == 2 }
    func abi(of pid: Int32) -> SyscallABI? { .i386 }
    func name(ofTask tid: Int32) -> String? { tid == 4 ? nil : "task \(tid)" }

    func descendants(of pids: [Int32]) -> [DescendantProcess] {
      pids.map { DescendantProcess(pid: $0 + 1, isChild: $0 == 1) }
    }

    func isAlive(_ pid: Int32) -> Bool { false }

    func codeMappings(of pid: Int32) -> [CodeMapping] {
      var mapping = CodeMapping(
        start: 1, length: .max, fileOffset: 3, path: "/x y", buildID: [1, 255], deviceMajor: 8, deviceMinor: 1, inode: 9
      )
      mapping.neighbours = [CodeMapping(start: 0, length: 1, fileOffset: 0, path: "//anon")]
      return [mapping, mapping]
    }

    func process(ofTask tid: Int32) -> Int32? { 1 }

    func controlGroup(of pid: Int32) -> ControlGroupFacts? {
      ControlGroupFacts(path: "/a", hasQuota: true, throttledPeriods: 3, throttledTime: now, isFrozen: true)
    }

    func pressure() -> PressureFacts? { PressureFacts(some: ["cpu": 1, "io": 2]) }
    func kernelFunctions(of tid: Int32, in pid: Int32) -> [String] { ["a", "b"] }
    func mappedFiles(of pid: Int32) -> [FileMapping] { [FileMapping(addresses: 1..<2, path: "[heap]")] }
  }

  /// All that facts can be asked, as text, twice in a row.
  private static func ask(_ facts: any TargetFacts) -> [String] {
    (0..<2).flatMap { _ in
      [
        "\(facts.now)", "\(String(describing: facts.clock))", "\(String(describing: facts.threads(of: 1)))",
        "\(String(describing: facts.threads(of: 2)))", "\(String(describing: facts.thread(2, of: 1)))",
        "\(facts.hasThread(2, of: 1)) \(facts.hasThread(3, of: 1))", "\(String(describing: facts.abi(of: 1)))",
        "\(String(describing: facts.name(ofTask: 3))) \(String(describing: facts.name(ofTask: 4)))",
        "\(facts.descendants(of: [1, 2]))", "\(facts.isAlive(1))", "\(facts.codeMappings(of: 1))",
        "\(String(describing: facts.process(ofTask: 2)))", "\(String(describing: facts.controlGroup(of: 1)))",
        "\(String(describing: facts.pressure()))", "\(facts.kernelFunctions(of: 1, in: 1))",
        "\(facts.mappedFiles(of: 1))",
      ]
    }
  }

  @Test
  func factsThatWereNotedAnswerAsTheyDidThen() {
    var notes: [JournalNote] = []
    let asked = Self.ask(RecordingFacts(ChangingFacts()) { notes.append($0) })
    var phase = JournalPhase()
    for note in notes { phase.add(JournalNote(note.text) ?? .stopped("unreadable")) }
    let facts = JournaledFacts(names: [4: "four"], tool: nil) { _ in nil }
    facts.enter(phase)
    #expect(Self.ask(facts) == asked)
  }

  @Test
  func inAnotherTurnItIsUnknownWhatAThreadDidButNotItsName() {
    var notes: [JournalNote] = []
    _ = Self.ask(RecordingFacts(ChangingFacts()) { notes.append($0) })
    var phase = JournalPhase()
    for note in notes { phase.add(note) }
    let facts = JournaledFacts(names: [4: "four"], tool: nil) { _ in nil }
    facts.enter(phase)
    var later = JournalPhase()
    later.add(.turn(JournalTurn(now: 99)))
    facts.enter(later)
    #expect(facts.now == 99)
    #expect(facts.thread(2, of: 1) == nil)
    #expect(facts.threads(of: 1) == nil)
    #expect(facts.name(ofTask: 3) == "task 3")
    #expect(facts.name(ofTask: 4) == "four")
    #expect(facts.hasThread(1, of: 1))
    #expect(facts.mappedFiles(of: 1).count == 1)
  }
}
