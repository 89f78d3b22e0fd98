package import Foundation
package import TraceFormat
package import TraceModel

/// Raw pages of a kernel of another architecture beside trace-cmd's text of them; see Tests/Fixtures/foreign/README.md.
package struct ForeignFixture: CustomStringConvertible, Sendable {
  package let machine: String
  package let scenario: String

  package var description: String { "\(machine)/\(scenario)" }

  package init(machine: String, scenario: String) {
    self.machine = machine
    self.scenario = scenario
  }

  package static let root = Fixture.root.appending(path: "foreign")

  package static let all: [ForeignFixture] = machines.flatMap { machine in
    ["mixed", "overrun"].map { ForeignFixture(machine: machine, scenario: $0) }.filter { !$0.cpus.isEmpty }
  }

  package static let machines = ((try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? [])
    .filter { FileManager.default.fileExists(atPath: root.appending(path: "\($0)/header_page").path) }.sorted()

  package func url(_ file: String) -> URL { Self.root.appending(path: "\(machine)/\(scenario)/\(file)") }

  /// CPUs with a file of pages.
  package var cpus: [Int] { (0..<8).filter { FileManager.default.fileExists(atPath: url("cpu\($0).raw").path) } }

  package static func layout(_ machine: String) throws -> PageLayout {
    try PageLayout(
      headerPage: String(contentsOf: root.appending(path: "\(machine)/header_page"), encoding: .utf8),
      byteOrder: machine == "s390x" ? .big : .little)
  }

  package static func format(_ machine: String, _ event: EventName) throws -> EventFormat {
    let url = root.appending(path: "\(machine)/formats/\(event.system).\(event.name)")
    return try EventFormat.parse(String(contentsOf: url, encoding: .utf8))
  }

  /// Everything one CPU recorded, and what its pages said.
  package func decode(cpu: Int) throws -> (events: [Event], names: NameTable, pages: [PageSummary]) {
    let layout = try Self.layout(machine)
    let bytes = [UInt8](try Data(contentsOf: url("cpu\(cpu).raw")))
    let pages = stride(from: 0, to: bytes.count, by: layout.pageSize).map {
      Array(bytes[$0..<min($0 + layout.pageSize, bytes.count)])
    }
    return try ForeignPages(layout, try TracedEvent.allCases.map { ($0, try Self.format(machine, $0.name)) })
      .decode(pages, cpu: cpu)
  }
}

/// Pages of another machine, decoded as a recording's are: translated first where they are not native.
package struct ForeignPages {
  private let translator: PageTranslator?
  private let decoder: PageDecoder

  /// `translatesAll`: native pages are translated too, to what tells the same.
  package init(
    _ layout: PageLayout, _ formats: [(TracedEvent, EventFormat)], translatesAll: Bool = false
  ) throws {
    let translator = layout.isNative && !translatesAll ? nil : PageTranslator(layout, formats: formats.map(\.1))
    self.translator = translator
    var table = EventTable()
    for (event, format) in formats {
      let format = translator.map { $0.format(of: format.id) } ?? format
      guard let format else { throw FormatError.unparsable }
      try table.add(format, event.reading)
    }
    decoder = PageDecoder(layout: .native, table: table)
  }

  package func decode(_ pages: [[UInt8]], cpu: Int) -> (events: [Event], names: NameTable, pages: [PageSummary]) {
    var events = FlatArray<Event>()
    var names = NameTable()
    var summaries: [PageSummary] = []
    for page in pages {
      let room = UnsafeMutableRawBufferPointer.allocate(
        byteCount: PageTranslator.room(forPageOf: page.count), alignment: 8)
      defer { room.deallocate() }
      page.withUnsafeBytes { page in
        summaries.append(
          decoder.decode(
            translator?.translate(page, into: room) ?? page, cpu: UInt16(cpu), lastKnown: 0, into: &events,
            names: &names, stacks: KernelStackTable()))
      }
    }
    return (Array(events.elements), names, summaries)
  }
}
