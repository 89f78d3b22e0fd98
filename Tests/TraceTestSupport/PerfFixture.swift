package import Foundation
package import TraceFile
package import TraceFormat
internal import TraceModel

/// A perf.data file beside perf's own dump of it; see Tests/PerfFixtures/README.md.
package struct PerfFixture {
  package let bytes: [UInt8]
  package let decoder: PerfRecordDecoder
  /// Where each of the kernel's records lies in `bytes`.
  package let records: [Range<Int>]
  package let text: String
  package let path: String

  package static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "PerfFixtures")

  package func file() throws -> PerfFile { try PerfFile.open(path, architecture: .x86_64) }

  package init(_ name: String) throws {
    path = Self.root.appending(path: "\(name).data").path
    bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    text = try String(contentsOf: Self.root.appending(path: "\(name).txt"), encoding: .utf8)
    let file = try PerfFile.open(path, architecture: .x86_64)
    decoder = PerfRecordDecoder(layout: file.events[0].layout)
    records = file.places.map { Int($0.offset)..<Int($0.offset) + Int($0.length) }
  }
}
