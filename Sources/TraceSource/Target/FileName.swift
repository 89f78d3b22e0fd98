/// Which paths a name without a leading slash can mean.
enum FileName {
  /// The numbers of the paths that `name` fits best: by its last components (`lib/libx.so`, `libx.so.1`), else as the beginning
  /// of a version (`libx.so.1` of `libx.so.1.2`), else as a library's bare name (`libx` of `libx.so.1` and `libx-1.2.so`).
  static func matches(of name: String, in paths: [String]) -> [Int] {
    let wanted = name.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    guard !wanted.isEmpty, !name.hasSuffix("/") else { return [] }
    func numbers(_ fits: (_ path: String, _ last: Substring) -> Bool) -> [Int] {
      paths.indices.filter { fits(paths[$0], paths[$0].split(separator: "/").last ?? "") }
    }
    let exact = numbers { path, _ in path.hasSuffix("/" + wanted) }
    guard exact.isEmpty, !wanted.contains("/") else { return exact }
    let versions = numbers { _, last in isLibrary(wanted) && last.hasPrefix(wanted + ".") }
    guard versions.isEmpty else { return versions }
    return numbers { _, last in
      guard isLibrary(String(last)), last.hasPrefix(wanted) else { return false }
      let rest = last.dropFirst(wanted.count)
      return rest.hasPrefix(".so") || (rest.first == "-" && rest.dropFirst().first?.isNumber == true)
    }
  }

  private static func isLibrary(_ name: String) -> Bool { name.hasSuffix(".so") || name.contains(".so.") }
}
