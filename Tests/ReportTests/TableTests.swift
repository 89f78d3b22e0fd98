import Foundation
import Glibc
import Testing
import TraceModel

@testable import Aggregator
@testable import Report
@testable import Session

/// The JSON report and its schema, and what the text report makes of times and error numbers.
struct TableTests {
  @Test func theSchemaIsJSONAndDescribesEveryMember() throws {
    let schema = try #require(
      try JSONSerialization.jsonObject(with: Data(JSONSchema.text.utf8)) as? [String: Any])
    #expect(schema["title"] as? String == "kdelay-ftrace.sample/1")
    let definitions = try #require(schema["$defs"] as? [String: [String: Any]])
    #expect(
      Set(definitions.keys) == [
        "thread", "min_max", "max", "upcalls", "upcall_count", "syscall_event", "frame", "user_frame",
        "cause", "blamed_cause", "task", "path_end", "in_progress", "segment", "verdict",
      ])
    for object in [schema] + definitions.values {
      let members = try #require(object["properties"] as? [String: [String: Any]])
      #expect(Set(members.keys) == Set(object["required"] as? [String] ?? []))
      for (name, member) in members {
        let description = try #require(member["description"] as? String, "\(name)")
        #expect(description.hasSuffix(".") && !description.hasSuffix("..") && description.count > 8, "\(name)")
      }
    }
  }

  @Test func namesOfMembersAreUniqueInEachObject() {
    func check(_ type: JSONType) {
      switch type {
      case .object(let object): check(object)
      case .list(let inner), .optional(let inner): check(inner)
      default: break
      }
    }
    func check(_ object: JSONObjectType) {
      #expect(Set(object.members.map(\.name)).count == object.members.count)
      for member in object.members { check(member.type) }
    }
    check(WindowTable.table.type)
  }

  @Test(arguments: [Int64.min, -1, 0, 9, 10, 1_234_567, .max])
  func numbersAreWrittenInDecimal(_ number: Int64) {
    #expect(String(decoding: ByteOutput.bytes { $0.json(number) }, as: UTF8.self) == String(number))
    let unsigned = UInt64(bitPattern: number)
    #expect(String(decoding: ByteOutput.bytes { $0.json(unsigned) }, as: UTF8.self) == String(unsigned))
  }

  @Test func aLongReportIsHandedOnInPieces() {
    var window = GoldenTests.sample
    let event = SyscallEvent(tid: 101, name: 1, number: 0, abi: .x86_64, entry: 1, exit: 2, returnValue: 0)
    window.slowSyscalls = Array(repeating: SlowSyscall(EndedSyscall(event)), count: 2000)
    var pieces: [[UInt8]] = []
    var output = ByteOutput { pieces.append($0) }
    var renderer = JSONRenderer()
    renderer.window(window, &output)
    #expect(pieces.count > 3 && pieces.allSatisfy { (1 << 16..<1 << 17).contains($0.count) })
    output.handOn()
    #expect(String(decoding: pieces.joined(), as: UTF8.self) == JSONRenderer().text(of: window))
  }

  /// glibc's own names, where this glibc has the function (2.32).
  @Test func errorNumbersHaveTheNamesOfTheCLibrary() throws {
    guard let symbol = dlsym(nil, "strerrorname_np") else { return }
    let name = unsafeBitCast(symbol, to: (@convention(c) (CInt) -> UnsafePointer<CChar>?).self)
    for number in CInt(1)..<200 {
      #expect(ErrnoName.of(number) == name(number).map { String(cString: $0) } ?? "errno_\(number)")
    }
  }

  /// The C library's calendar, over the years and across leap days.
  @Test func datesAreThoseOfTheCalendar() {
    for seconds in stride(from: -100_000_000_000, through: 200_000_000_000, by: 86_400 * 41 + 12_347) {
      var time = time_t(seconds)
      var utc = tm()
      gmtime_r(&time, &utc)
      var buffer = [CChar](repeating: 0, count: 64)
      let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S.000007 (%H:%M:%S UTC)", &utc)
      let expected = String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard utc.tm_year + 1900 >= 1000 else { continue }
      #expect(WallTime(seconds: seconds, microseconds: 7).text == expected)
    }
    #expect(
      WallTime(seconds: 1_709_164_800, microseconds: 0, offset: -3600).text
        == "2024-02-28T23:00:00.000000 (00:00:00 UTC)")
  }

  @Test func aTimeThatNoClockOnTheWallIsKnownForIsShownAsItIs() {
    var aggregator = Aggregator()
    aggregator.startWindow(at: 1_000_000_007)
    let snapshot = aggregator.finishWindow(at: 12_345_678_901)
    let result = WindowResult(
      target: 1, targetName: "", index: 1, snapshot: snapshot, loss: Loss(), names: NameTable(), clock: nil)
    let lines = TextRenderer().text(of: result).split(separator: "\n")
    #expect(lines.contains("# Start sampling @1.000000007 s of the kernel's clock"))
    #expect(lines.contains("# Stop sampling @12.345678901 s of the kernel's clock"))
  }

  @Test func aTimeOfOneClockIsShownAsThatOfTheOther() {
    let clock = ClockPair(monotonic: 5_000_000_000, wall: WallTime(seconds: 100, microseconds: 250_000, offset: 60))
    #expect(clock.wallTime(at: 5_000_000_000) == clock.wall)
    #expect(clock.wallTime(at: 4_000_000_000) == WallTime(seconds: 99, microseconds: 250_000, offset: 60))
    #expect(clock.wallTime(at: 4_700_000_000) == WallTime(seconds: 99, microseconds: 950_000, offset: 60))
    #expect(clock.wallTime(at: 5_750_000_000) == WallTime(seconds: 101, microseconds: 0, offset: 60))
  }
}
