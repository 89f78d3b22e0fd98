import Foundation
import SystemCalls
import SystemPackage
import TraceTestSupport

@testable import TraceFormat
@testable import TraceSource

/// A tracefs look-alike in a temporary directory: knows every change, and makes any of them fail.
final class TracefsTree: TracefsAccess, @unchecked Sendable {
  let root: String
  /// Changes in order, as `verb path value`.
  private(set) var changes: [String] = []
  /// The change with this number (from 0) fails.
  var failing: Int?
  /// What `dynamic_events` holds.
  private(set) var probes: [String] = []

  init(kernel: String = "6.18") throws {
    root = FileManager.default.temporaryDirectory.appending(path: "tracefs-\(UUID().uuidString)").path
    try make("instances")
    try Fixture.text(kernel, "header_page").write(
      toFile: "\(root)/\(try make("events"))/header_page", atomically: false, encoding: .utf8)
    for file in ["kprobe_events", "uprobe_events"] {
      _ = FileManager.default.createFile(atPath: "\(root)/\(file)", contents: nil)
    }
    let stacks = ["kernel_stack", "user_stack"].map { EventName("ftrace", $0) }
    let causes = kernel == "6.18" ? CauseEvent.allCases.map(\.name) : []
    for event in TracedEvent.allCases.map(\.name) + stacks + causes {
      let directory = try make("events/\(event.system)/\(event.name)")
      try Fixture.text(kernel, "formats/\(event.system).\(event.name)").write(
        toFile: "\(root)/\(directory)/format", atomically: false, encoding: .utf8)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: root) }

  @discardableResult
  private func make(_ directory: String) throws -> String {
    try FileManager.default.createDirectory(atPath: "\(root)/\(directory)", withIntermediateDirectories: true)
    return directory
  }

  private func change(_ text: String) throws(CaptureError) {
    changes.append(text)
    if changes.count - 1 == failing { throw CaptureError(.refused, "injected: \(text)", remedy: "none") }
  }

  var instances: [String] { (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/instances")) ?? [] }

  func createInstance(_ name: String) throws(CaptureError) {
    try change("mkdir \(name)")
    do {
      for cpu in 0..<2 {
        let directory = try make("instances/\(name)/per_cpu/cpu\(cpu)")
        _ = FileManager.default.createFile(atPath: "\(root)/\(directory)/trace_pipe_raw", contents: nil)
      }
      for file in ["free_buffer", "buffer_subbuf_size_kb"] {
        _ = FileManager.default.createFile(atPath: "\(root)/instances/\(name)/\(file)", contents: nil)
      }
    } catch { fatalError("\(error)") }
  }

  func removeInstance(_ name: String) throws(CaptureError) {
    try change("rmdir \(name)")
    try? FileManager.default.removeItem(atPath: "\(root)/instances/\(name)")
  }

  func read(_ path: String) throws(CaptureError) -> String {
    do { return try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8) } catch {
      throw .tracefs("read", path, .noSuchFileOrDirectory)
    }
  }

  func write(_ text: String, to path: String, append: Bool) throws(CaptureError) {
    try change("\(append ? "append" : "write") \(path) \(text)")
    if path == "dynamic_events" { return define(text) }
    let directory = (path as NSString).deletingLastPathComponent
    _ = try? make(directory)
    try? text.write(toFile: "\(root)/\(path)", atomically: false, encoding: .utf8)
  }

  /// `p:GROUP/EVENT PLACE` and `-:GROUP/EVENT`.
  private func define(_ command: String) {
    let name = command.split(separator: ":")[1].split(separator: " ")[0]
    if command.hasPrefix("-:") {
      probes.removeAll { $0.contains(":\(name) ") }
      try? FileManager.default.removeItem(atPath: "\(root)/events/\(name)")
    } else {
      probes.append(command)
      _ = try? make("events/\(name)")
      let format = """
        name: \(name)
        ID: \(2000 + probes.count)
        format:
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
        \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;
        \tfield:s32 ret;\toffset:24;\tsize:4;\tsigned:1;
        \tfield:u64 ra;\toffset:16;\tsize:8;\tsigned:0;
        \tfield:u32 sp;\toffset:28;\tsize:4;\tsigned:0;
        """
      try? format.write(toFile: "\(root)/events/\(name)/format", atomically: false, encoding: .utf8)
    }
    try? (probes.joined(separator: "\n") + "\n").write(
      toFile: "\(root)/dynamic_events", atomically: false, encoding: .utf8)
  }

  func list(_ path: String) throws(CaptureError) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(path)")) ?? []
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: "\(root)/\(path)") }

  func open(_ path: String, _ mode: FileDescriptor.AccessMode) throws(CaptureError) -> OwnedDescriptor {
    try change("open \(path)")
    do { return OwnedDescriptor(try FileDescriptor.open(FilePath("\(root)/\(path)"), mode)) } catch {
      throw .tracefs("open", path, .noSuchFileOrDirectory)
    }
  }
}
