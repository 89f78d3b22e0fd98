internal import Glibc

/// Where this machine keeps files by their build-ids: perf's cache, that of debuginfod's clients, and distributions' links.
///
/// What it names need not be there, nor be what its name says: whoever opens it compares the build-id.
struct BuildIDStore: Sendable {
  /// Directories with a file `XX/REST`, or a directory of that name with what belongs to the file.
  private let links: [String]
  /// Directories with a directory of a build-id's name.
  private let caches: [String]

  /// The places that this process's environment names.
  static let shared = BuildIDStore { name in getenv(name).map { String(cString: $0) } }

  /// `variable`: the value of a variable of the environment; nil where it is not set.
  init(_ variable: (String) -> String?) {
    let home = variable("HOME")
    // perf-buildid-cache(1): what `perf record` and `perf archive` put aside.
    let perf = variable("PERF_BUILDID_DIR") ?? home.map { "\($0)/.debug" }
    links = perf.map { ["\($0)/.build-id"] } ?? []
    // debuginfod_find_executable(3), FILES.
    let cache = variable("XDG_CACHE_HOME") ?? home.map { "\($0)/.cache" }
    caches = [
      variable("DEBUGINFOD_CACHE_PATH"), cache.map { "\($0)/debuginfod_client" },
      home.map { "\($0)/.debuginfod_client_cache" },
    ].compactMap { $0 }
  }

  /// Where programs and libraries of a build-id can be.
  func images(_ buildID: [UInt8]) -> [String] {
    guard let name = BuildIDName(buildID) else { return [] }
    return links.map { "\($0)/\(name.path)/elf" } + links.map { "\($0)/\(name.path)" }
      + ["/usr/lib/.build-id/\(name.path)", "/usr/lib/debug/.build-id/\(name.path)"]
      + caches.map { "\($0)/\(name.digits)/executable" }
  }

  /// Where files with the debug information of a build-id can be, beside those that distributions install.
  func debugFiles(_ buildID: [UInt8]) -> [String] {
    guard let name = BuildIDName(buildID) else { return [] }
    return links.map { "\($0)/\(name.path)/debug" } + caches.map { "\($0)/\(name.digits)/debuginfo" }
  }
}

/// A build-id as paths have it.
struct BuildIDName {
  let digits: String

  /// Nil where it is no build-id: one is 20 bytes, or 8 of lld's fast one.
  init?(_ buildID: [UInt8]) {
    guard (2...64).contains(buildID.count) else { return nil }
    digits = buildID.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
  }

  /// The first byte names a directory.
  var path: String { "\(digits.prefix(2))/\(digits.dropFirst(2))" }
}
