internal import Binaries
internal import Glibc
internal import SystemPackage

/// What the kernel needs besides a command's own file to run it: the interpreter of a script, the loader of a program.
///
/// Where that is missing, exec fails as if the command were not there (ENOENT), which sends the operator to the wrong place.
enum CommandInterpreter {
  /// What a file names.
  private enum Kind {
    case script(String)
    case program(loader: String)

    var path: String {
      switch self {
      case .script(let path), .program(loader: let path): path
      }
    }
  }

  /// The kernel follows scripts whose interpreters are scripts no further (BINPRM_MAX_RECURSION, fs/exec.c).
  private static let mostFollowed = 5

  /// Fails where the file at `path` names an interpreter that cannot be run.
  static func require(for path: String) throws(ToolError) {
    var file = path
    for _ in 0..<mostFollowed {
      guard let kind = named(by: file) else { return }
      let isThere = access(kind.path, F_OK) == 0
      guard isThere, access(kind.path, X_OK) == 0, (try? FilePath(kind.path).stat().type) == .regular else {
        throw failure(path, file, kind, isThere: isThere)
      }
      if case .program = kind { return }
      file = kind.path
    }
  }

  private static func named(by path: String) -> Kind? {
    if let line = FirstLine.read(path), let interpreter = scriptInterpreter(line) { return .script(interpreter) }
    return (try? ELFImage(path: path))?.interpreter.map { .program(loader: $0) }
  }

  /// What follows `#!`, up to white space: a carriage return belongs to the name.
  static func scriptInterpreter(_ line: String) -> String? {
    guard line.hasPrefix("#!") else { return nil }
    return line.unicodeScalars.dropFirst(2).split { [" ", "\t", "\n"].contains($0) }.first.map { String($0) }
  }

  private static func failure(_ command: String, _ file: String, _ kind: Kind, isThere: Bool) -> ToolError {
    let why = isThere ? "which is not an executable file" : "which is not there"
    let names = command == file ? "it names" : "\(file) names"
    // A carriage return would be invisible.
    let path = kind.path.debugDescription
    let remedy =
      switch kind {
      case .script(let path) where path.hasSuffix("\r"):
        "its lines end in CR LF: convert them with `sed -i 's/\\r$//' \(file)`"
      case .script: "install that interpreter, or correct the first line of \(file)"
      case .program: "install the C library that the program was built for"
      }
    let what =
      switch kind {
      case .script: "\(names) the interpreter \(path), \(why)"
      case .program: "\(names) the loader \(path), \(why)"
      }
    return ToolError(
      status: isThere ? .notPermitted : .noTarget, what: "cannot run '\(command)': \(what)", remedy: remedy)
  }
}

/// The first line of a file, as far as the kernel reads it.
enum FirstLine {
  /// The first line of the file at `path`, without what follows 255 bytes (BINPRM_BUF_SIZE); nil where the file cannot be read.
  static func read(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    guard fgets(&line, Int32(line.count), file) != nil else { return nil }
    return String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
