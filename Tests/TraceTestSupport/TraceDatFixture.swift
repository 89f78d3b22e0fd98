internal import Foundation

/// A recording of trace-cmd, beside what `trace-cmd report` says of its events; see Tests/TraceDatFixtures/README.md.
package struct TraceDatFixture: CustomStringConvertible, Sendable {
  /// One line of `trace-cmd report`.
  package struct Line: Sendable, Hashable {
    /// The instance; empty for the top buffer.
    package let buffer: String
    package let cpu: Int
    /// The time, ns.
    package let time: UInt64
    package let task: Int32
    package let event: String
  }

  package let name: String

  package var description: String { name }

  package static let machine = TraceDatFixture(name: "machine")
  package static let zlib = TraceDatFixture(name: "machine-zlib")
  package static let version6 = TraceDatFixture(name: "machine-v6")
  package static let instances = TraceDatFixture(name: "instances")
  package static let instancesVersion6 = TraceDatFixture(name: "instances-v6")
  package static let lossy = TraceDatFixture(name: "lossy")
  package static let scheduling = TraceDatFixture(name: "scheduling")
  package static let notPacked = TraceDatFixture(name: "scheduling-none")
  package static let all = [
    machine, zlib, version6, instances, instancesVersion6, lossy, scheduling, notPacked,
  ]

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "TraceDatFixtures")

  package var path: String { Self.root.appending(path: "\(name).dat").path }

  package func bytes() throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(filePath: path))) }

  private var original: String { name == "machine-v6" ? name : String(name.prefix { $0 != "-" }) }

  /// What the recorded programs said: the ids of two processes, and how many calls each thread of the first makes.
  package func answer() throws -> (alpha: Int32, beta: Int32, rounds: UInt64) {
    let text = try String(contentsOf: Self.root.appending(path: "\(original).answer"), encoding: .utf8)
    let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
    return numbers.count == 3 ? (numbers[0], numbers[1], UInt64(numbers[2])) : (0, 0, 0)
  }

  /// What `trace-cmd report` says; a recording that was converted has the lines of the one that it was made from.
  package func lines() throws -> [Line] {
    let text = try String(contentsOf: Self.root.appending(path: "\(original).events"), encoding: .utf8)
    return text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard words.count == 5, let cpu = Int(words[1]), let time = UInt64(words[2]), let task = Int32(words[3]) else {
        return nil
      }
      return Line(
        buffer: words[0] == "top" ? "" : String(words[0]), cpu: cpu, time: time, task: task, event: String(words[4]))
    }
  }
}
