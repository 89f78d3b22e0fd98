package import Foundation
package import TraceFormat
package import TraceModel

/// Raw pages of a real kernel beside that kernel's own text of them; see Tests/Fixtures/README.md.
package struct Fixture: CustomStringConvertible, Sendable {
  package let kernel: String
  package let scenario: String

  package var description: String { "\(kernel)/\(scenario)" }

  package static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures")

  package init(kernel: String, scenario: String) {
    self.kernel = kernel
    self.scenario = scenario
  }

  /// Those of events.
  package static let all: [Fixture] = kernels.flatMap { kernel in
    directories(root.appending(path: kernel)).filter { $0 != "formats" && $0 != "stacks" }
      .map { Fixture(kernel: kernel, scenario: $0) }
  }

  /// Those of events with their stacks.
  package static let stacks = kernels.map { Fixture(kernel: $0, scenario: "stacks") }

  /// Those with the kernel's text.
  package static let withText = all.filter { FileManager.default.fileExists(atPath: $0.url("trace.txt").path) }

  package static let kernels = directories(root).filter { kernel in
    FileManager.default.fileExists(atPath: root.appending(path: "\(kernel)/header_page").path)
  }

  private static func directories(_ url: URL) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.sorted().filter { name in
      var isDirectory: ObjCBool = false
      return FileManager.default.fileExists(atPath: url.appending(path: name).path, isDirectory: &isDirectory)
        && isDirectory.boolValue
    }
  }

  package func url(_ file: String) -> URL {
    Self.root.appending(path: kernel).appending(path: scenario).appending(path: file)
  }

  package static func text(_ kernel: String, _ file: String) throws -> String {
    try String(contentsOf: root.appending(path: kernel).appending(path: file), encoding: .utf8)
  }

  package static func format(_ kernel: String, _ event: EventName) throws -> EventFormat {
    try EventFormat.parse(try text(kernel, "formats/\(event.system).\(event.name)"))
  }

  package static func formats(_ kernel: String) throws -> [TracedEvent: EventFormat] {
    var formats: [TracedEvent: EventFormat] = [:]
    for event in TracedEvent.allCases {
      formats[event] = try format(kernel, event.name)
    }
    return formats
  }

  package static func decoder(_ kernel: String) throws -> PageDecoder {
    PageDecoder(
      layout: try PageLayout(headerPage: try text(kernel, "header_page")),
      table: try EventTable(try formats(kernel)))
  }

  package var pageSize: Int { scenario == "subbuf64" ? 65536 : 4096 }

  /// CPUs with a file of pages.
  package var cpus: [Int] {
    (0..<8).filter { FileManager.default.fileExists(atPath: url("cpu\($0).raw").path) }
  }

  package func pages(cpu: Int) throws -> [[UInt8]] {
    let bytes = [UInt8](try Data(contentsOf: url("cpu\(cpu).raw")))
    return stride(from: 0, to: bytes.count, by: pageSize).map { Array(bytes[$0..<min($0 + pageSize, bytes.count)]) }
  }

  /// A number of the kernel's per_cpu/cpuN/stats, as it was before the last read.
  package func statistic(_ name: String, cpu: Int) throws -> Int? {
    var value: Int?
    for line in try String(contentsOf: url("cpu\(cpu).stats"), encoding: .utf8).split(separator: "\n")
    where line.hasPrefix("\(name):") {
      value = Int(line.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces))
    }
    return value
  }

  /// By how much the kernel's text is too early, ns, for each data record of a CPU: its readers leave out the time of
  /// discarded records up to the next absolute time stamp or page (see the fixtures' README).
  package func textOffsets(cpu: Int) throws -> [UInt64] {
    var offsets: [UInt64] = []
    for page in try pages(cpu: cpu) {
      func word(_ at: Int) -> UInt32 {
        page[at..<at + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
      }
      let end = 16 + Int(word(8) & 0xFFFFF)
      var at = 16
      var offset: UInt64 = 0
      while at + 4 <= end {
        let type = word(at) & 31
        let delta = UInt64(word(at) >> 5)
        switch type {
        case 29:
          offset += delta
          at += 4 + Int(word(at + 4))
        case 30: at += 8
        case 31:
          offset = 0
          at += 8
        default:
          offsets.append(offset)
          at += type == 0 ? 4 + Int(word(at + 4)) : 4 + Int(type) * 4
        }
      }
    }
    return offsets
  }

  /// A CPU's events without gaps, at the times at which the kernel's text has them.
  package func eventsAsPrinted(cpu: Int) throws -> (events: [Event], names: NameTable) {
    let (events, names, _) = try decode(cpu: cpu)
    let offsets = try textOffsets(cpu: cpu)
    var printed = events.filter { $0.kind != .gapStart && $0.kind != .gapEnd }
    for position in printed.indices { printed[position].timestamp -= offsets[position] }
    return (printed, names)
  }

  /// Everything one CPU recorded, and what its pages said.
  package func decode(cpu: Int) throws -> (events: [Event], names: NameTable, pages: [PageSummary]) {
    let decoder = try Self.decoder(kernel)
    var events = FlatArray<Event>()
    var names = NameTable()
    var summaries: [PageSummary] = []
    for page in try pages(cpu: cpu) {
      page.withUnsafeBytes {
        summaries.append(
          decoder.decode($0, cpu: UInt16(cpu), lastKnown: 0, into: &events, names: &names, stacks: KernelStackTable()))
      }
    }
    return (Array(events.elements), names, summaries)
  }
}
