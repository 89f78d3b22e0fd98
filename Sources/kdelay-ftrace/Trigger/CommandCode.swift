internal import Binaries
internal import Glibc
internal import TraceSource

extension TargetCode {
  /// The code that a command is going to run; so far it has only this program's. `path`: of its file.
  static func of(command path: String) -> TargetCode {
    let program = interpreter(of: path) ?? path
    let libraryPath = getenv("LD_LIBRARY_PATH").map { String(cString: $0) }
    // What cannot be read is told when it is asked for.
    let libraries = try? LibraryResolver(libraryPath: libraryPath).libraries(of: program)
    return TargetCode(program: program, libraries: libraries?.paths ?? [])
  }

  /// The program that runs the script at `path`: what follows `#!`, or the name after `#!/usr/bin/env`. Nil for a program.
  private static func interpreter(of path: String) -> String? {
    guard let text = FirstLine.read(path), text.hasPrefix("#!") else { return nil }
    let words = text.dropFirst(2).split(whereSeparator: \.isWhitespace).map(String.init)
    guard let first = words.first else { return nil }
    guard first.hasSuffix("/env"), words.count > 1 else { return first }
    return try? CommandProcess.resolve(words[1])
  }
}
