internal import Foundation
package import TraceFile
internal import TraceFormat

extension Fixture {
  /// What a recording of the fixture's kernel begins with.
  package var head: RecordingHead {
    get throws {
      var systems: [String: [String]] = [:]
      for event in TracedEvent.allCases {
        systems[event.name.system, default: []].append(
          try Self.text(kernel, "formats/\(event.name.system).\(event.name.name)"))
      }
      let ownHeader = try? String(contentsOf: url("header_page"), encoding: .utf8)
      var head = RecordingHead(
        headerPage: try ownHeader ?? Self.text(kernel, "header_page"),
        headerEvent: try Self.text(kernel, "header_event"),
        ftraceFormats: [try Self.text(kernel, "formats/ftrace.kernel_stack")],
        systems: systems.sorted { $0.key < $1.key }.map { .init(name: $0.key, formats: $0.value) })
      head.kallsyms = Array("ffffffff81000000 T _stext\n".utf8)
      head.machine = "Linux fixture \(kernel) x86_64"
      head.cpuCount = 2
      head.tool = "kdelay-ftrace test"
      head.identifier = 42
      return head
    }
  }

  /// The fixture's buffer under a name.
  package func buffer(_ name: String) -> RecordingBuffer {
    RecordingBuffer(name: name, pageSize: pageSize, cpus: cpus)
  }

  /// Adds all pages to a buffer of a recording.
  package func append(to writer: inout RecordingWriter, buffer: Int) throws {
    for (position, cpu) in cpus.enumerated() {
      for page in try pages(cpu: cpu) {
        try page.withUnsafeBytes { try writer.append($0, buffer: buffer, position: position) }
      }
    }
  }
}
