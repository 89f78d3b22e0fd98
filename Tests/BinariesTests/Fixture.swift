import Foundation
import Testing

@testable import Binaries
@testable import Unwinder

/// Small programs that the machine's own compilers make in a directory of their own, gone with it.
final class Fixture: Sendable {
  let directory: String

  init() throws {
    directory = FileManager.default.temporaryDirectory.appendingPathComponent("elf-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// Writes a source file.
  func write(_ name: String, _ text: String) throws {
    try text.write(toFile: path(name), atomically: true, encoding: .utf8)
  }

  /// Runs shell commands in the directory and returns what they print; fails the test if one of them fails.
  @discardableResult
  func run(_ commands: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-ec", commands]
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(commands)")
    return String(decoding: bytes, as: UTF8.self)
  }

  func table(_ name: String, roots: [String] = []) throws -> FunctionTable {
    FunctionTable(of: try ELFImage(path: path(name)), finder: DebugFileFinder(roots: roots))
  }

  /// A C program with a global and a local function.
  static let program = """
    #include <stdio.h>
    __attribute__((noinline)) static int hidden_helper(int x) { return x * 3 + getchar(); }
    __attribute__((noinline)) int public_work(int x) { return hidden_helper(x) + 1; }
    int main(void) { return public_work(2); }
    """

  /// What nm says of a function's address.
  func address(of name: String, in file: String, options: String = "") throws -> UInt64 {
    let output = try run("nm \(options) \(file) | awk '$3 == \"\(name)\" { print $1 }'")
    return try #require(UInt64(output.split(separator: "\n").first ?? "", radix: 16))
  }
}

extension Lookup {
  /// The one function that was found.
  var function: Function? {
    if case .function(let function) = self { return function }
    return nil
  }

  var functions: [Function]? {
    if case .ambiguous(let functions) = self { return functions }
    return nil
  }

  var nearest: [String]? {
    if case .missing(let nearest) = self { return nearest }
    return nil
  }
}

/// The bytes in the file where an image says that an address lies.
func bytes(of image: borrowing ELFImage, at address: UInt64, count: Int) throws -> [UInt8] {
  let found = image.fileOffset(ofAddress: address)
  let offset = try #require(found)
  let file = try #require(FileHandle(forReadingAtPath: image.path))
  try file.seek(toOffset: offset)
  return [UInt8](try file.read(upToCount: count) ?? Data())
}
