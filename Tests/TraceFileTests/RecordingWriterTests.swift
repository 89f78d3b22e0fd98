import Foundation
import Testing
import TraceFile
import TraceFormat
import TraceTestSupport

/// Recordings as they are written, held against trace-cmd, whose format it is.
struct RecordingWriterTests {
  private func writer(
    _ directory: TemporaryDirectory, _ version: TraceDatVersion, _ fixtures: [(name: String, fixture: Fixture)]
  ) throws -> RecordingWriter {
    var writer = try RecordingWriter(
      directory: directory.path, head: fixtures[0].fixture.head,
      buffers: fixtures.map { $0.fixture.buffer($0.name) }, version: version, task: 4711)
    for (number, buffer) in fixtures.enumerated() { try buffer.fixture.append(to: &writer, buffer: number) }
    return writer
  }

  /// Without discarded records, of whose time the kernel's text leaves out another part than trace-cmd does.
  @Test(arguments: [TraceDatVersion.seven, .six], Fixture.withText.filter { $0.scenario != "filtered" })
  func traceCommandListsWhatTheKernelListed(_ version: TraceDatVersion, _ fixture: Fixture) throws {
    let directory = try TemporaryDirectory()
    let writer = try writer(directory, version, [("", fixture)])
    try writer.finish(RecordingTail())
    #expect(try directory.names == ["trace.dat"])
    let listed = try TraceCommand.report(directory["trace.dat"])
    #expect(listed.map(\.withoutText).sorted() == (try Self.kernelsList(fixture)).sorted())
    #expect(listed.count > 10)
  }

  /// Without losses, behind which trace-cmd leaves out the buffer's name.
  @Test(arguments: [TraceDatVersion.seven, .six])
  func severalBuffersAndNotesAreListed(_ version: TraceDatVersion) throws {
    let directory = try TemporaryDirectory()
    let (one, other) = (Fixture(kernel: "6.18", scenario: "mixed"), Fixture(kernel: "6.18", scenario: "sparse"))
    var writer = try writer(directory, version, [("", one), ("machine", other)])
    for number in 0..<300 { try writer.note("note \(number)", at: UInt64(number) * 1_000_000) }
    try writer.flush()
    for number in 300..<400 {
      try writer.note("note \(number)", at: UInt64(number) * 1_000_000)
      if number % 7 == 0 { try writer.flush() }
    }
    try writer.finish(
      RecordingTail(commands: [4711: "note taker"], statistics: [[0: "entries: 1\n"], [1: "overrun: 5\n"], [:]]))
    #expect(try directory.names == ["trace.dat"])
    let listed = try TraceCommand.report(directory["trace.dat"])
    let notes = listed.filter { $0.event == "note" }
    #expect(notes.map(\.text) == (0..<400).map { "note \($0)" })
    #expect(notes.map(\.time) == (0..<400).map { $0 * 1_000_000 })
    #expect(notes.allSatisfy { $0.task == "note taker-4711" && $0.buffer == "journal" })
    let machine = listed.filter { $0.buffer == "machine" }.map(\.withoutText)
    #expect(machine.sorted() == (try Self.kernelsList(other)).sorted())
    #expect(listed.filter { $0.buffer.isEmpty }.map(\.withoutText).sorted() == (try Self.kernelsList(one)).sorted())
  }

  @Test(arguments: [TraceDatVersion.seven, .six])
  func theHeadIsATraceOfNothing(_ version: TraceDatVersion) throws {
    let directory = try TemporaryDirectory()
    let fixture = Fixture(kernel: "6.18", scenario: "mixed")
    var writer = try writer(directory, version, [("", fixture), ("triggers", fixture)])
    try writer.settle()
    #expect(
      try directory.names == [
        "trace.dat.head", "trace.dat.top.cpu0", "trace.dat.top.cpu1", "trace.dat.triggers.cpu0",
        "trace.dat.triggers.cpu1",
      ])
    #expect(try TraceCommand.report(directory["trace.dat.head"]).isEmpty)
    _ = consume writer
  }

  @Test func aRecordingIsNotOverwritten() throws {
    let directory = try TemporaryDirectory()
    let fixture = Fixture(kernel: "6.18", scenario: "mixed")
    try writer(directory, .seven, [("", fixture)]).finish(RecordingTail())
    do {
      _ = try writer(directory, .seven, [("", fixture)])
      Issue.record("it was overwritten")
    } catch let error as TraceFileError {
      #expect(error.description == "\(directory.path): has a recording already: trace.dat")
    }
  }

  @Test func whatIsUnusedOfASubBufferTakesNoRoom() throws {
    let directory = try TemporaryDirectory()
    let fixture = Fixture(kernel: "6.18", scenario: "subbuf64")
    var writer = try RecordingWriter(
      directory: directory.path, head: fixture.head, buffers: [fixture.buffer("")], task: 1)
    var page = HandmadePage(timestamp: 1000)
    page.softIRQ(delta: 1)
    let bytes = page.bytes + Array(repeating: 0, count: fixture.pageSize - page.bytes.count)
    // Nothing joins a page that tells of losses.
    var lossy = bytes
    lossy[11] = 0x80
    for _ in 0..<16 {
      for page in [lossy, bytes] {
        writer.room.copyBytes(from: page)
        let count = try writer.join(page.count, buffer: 0, position: 0)
        #expect(count == 1)
      }
      try writer.flush()
    }
    try writer.settle()
    // The file system needs some for where they are.
    #expect(try blocks(directory["trace.dat.top.cpu0"]) <= 32 * 4096 + (16 << 10))
    try writer.finish(RecordingTail())
    let size = try FileManager.default.attributesOfItem(atPath: directory["trace.dat"])[.size] as? Int
    #expect(try #require(size) > 32 * fixture.pageSize)
    #expect(try blocks(directory["trace.dat"]) < 32 * 4096 + (128 << 10))
  }

  /// Pages as a busy reader gets them, a few records each, are joined; nothing of their records changes.
  @Test(arguments: [TraceDatVersion.seven, .six], ["6.1-cloud", "6.1-rt", "6.12-cloud", "6.18"])
  func partsOfSubBuffersAreJoined(_ version: TraceDatVersion, _ kernel: String) throws {
    let directory = try TemporaryDirectory()
    let fixture = Fixture(kernel: kernel, scenario: "mixed")
    var writer = try RecordingWriter(
      directory: directory.path, head: fixture.head, buffers: [fixture.buffer("")], version: version, task: 1)
    var (parts, pages) = (0, 0)
    for (position, cpu) in fixture.cpus.enumerated() {
      for part in try fixture.slices(cpu: cpu, every: 2_000_000) {
        let padded = part + Array(repeating: 0, count: fixture.pageSize - part.count)
        parts += 1
        writer.room.copyBytes(from: padded)
        pages += try writer.join(padded.count, buffer: 0, position: position)
        if parts % 5 == 0 { try writer.flush() }
      }
    }
    #expect(parts > 2 * pages && pages > 5, "\(parts) parts, \(pages) pages")
    try writer.finish(RecordingTail())
    let listed = try TraceCommand.report(directory["trace.dat"])
    #expect(listed.map(\.withoutText).sorted() == (try Self.kernelsList(fixture)).sorted())
  }

  /// The number of bytes that a file takes on the disk.
  private func blocks(_ path: String) throws -> Int {
    var status = stat()
    try #require(lstat(path, &status) == 0)
    return Int(status.st_blocks) * 512
  }

  /// The kernel's own list: `PID CPU NANOSECONDS type: ID`.
  private static func kernelsList(_ fixture: Fixture) throws -> [TraceCommand.Listed] {
    let names = Dictionary(
      uniqueKeysWithValues: try TracedEvent.allCases.map { event in
        (try Fixture.format(fixture.kernel, event.name).id, event.name.name)
      })
    return try String(contentsOf: fixture.url("trace-ns.txt"), encoding: .utf8).split(separator: "\n")
      .compactMap { line in
        let words = line.split(separator: " ")
        guard words.count >= 5, words[3] == "type:", let time = Int(words[2]), let id = Int(words[4]) else {
          return nil
        }
        return TraceCommand.Listed(
          buffer: "", task: String(words[0]), cpu: Int(words[1]) ?? -1, time: time, event: names[id] ?? "?", text: "")
      }
  }
}

/// trace-cmd, of Debian's package of that name.
enum TraceCommand {
  /// One line of `trace-cmd report -t`.
  struct Listed: Comparable {
    /// The buffer's name, if it is not the top one.
    var buffer: String
    /// The task as NAME-TID.
    var task: String
    var cpu: Int
    var time: Int
    var event: String
    var text: String

    /// As the kernel lists it with `options/raw`.
    var withoutText: Listed {
      Listed(
        buffer: "", task: String(task.suffix(while: \.isNumber)), cpu: cpu, time: time, event: event, text: "")
    }

    static func < (one: Listed, other: Listed) -> Bool {
      (one.time, one.cpu, one.event, one.task) < (other.time, other.cpu, other.event, other.task)
    }
  }

  /// What it lists of a file; it must not complain.
  static func report(_ path: String) throws -> [Listed] {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/trace-cmd")
    process.arguments = ["report", "-t", "-N", "-i", path]
    let (output, complaints) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = complaints
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let errors = String(decoding: complaints.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0 && errors.isEmpty, "\(errors)")
    return text.split(separator: "\n").compactMap(listed)
  }

  /// `BUFFER: NAME-TID [CPU] SECONDS.NANOSECONDS: EVENT: TEXT`, the buffer in no line of the top one.
  private static func listed(_ line: Substring) -> Listed? {
    guard let match = line.wholeMatch(of: /(?: *(\w+): )? *(.+-\d+) +\[(\d+)\].* (\d+)\.(\d{9}): ([^:]+): *(.*)/) else {
      return nil
    }
    guard let seconds = Int(match.4), let rest = Int(match.5), let cpu = Int(match.3) else { return nil }
    return Listed(
      buffer: match.1.map(String.init) ?? "", task: String(match.2), cpu: cpu, time: seconds * 1_000_000_000 + rest,
      event: String(match.6), text: String(match.7))
  }
}

extension String {
  fileprivate func suffix(while isWanted: (Character) -> Bool) -> Substring {
    self[(lastIndex { !isWanted($0) }.map { index(after: $0) } ?? startIndex)...]
  }
}
