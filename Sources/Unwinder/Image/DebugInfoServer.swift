internal import Glibc

/// Debug files from the servers that `DEBUGINFOD_URLS` names, through elfutils' client library where that is installed.
///
/// Looked up at run time: nobody needs it to run the tool. What was fetched stays in the library's cache.
enum DebugInfoServer {
  private typealias Begin = @convention(c) () -> OpaquePointer?
  private typealias End = @convention(c) (OpaquePointer) -> Void
  private typealias Find =
    @convention(c) (
      OpaquePointer, UnsafePointer<UInt8>, Int32, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    ) -> Int32

  /// s without a byte after which a server is given up, unless the user has set another time.
  private static let patience = "10"

  /// Path of the debug file of a build-id; nil where no server is named, none has it, or none answers.
  static func find(buildID: [UInt8]) -> String? {
    guard let urls = getenv("DEBUGINFOD_URLS"), urls.pointee != 0, !buildID.isEmpty,
      let library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL),
      let begin = dlsym(library, "debuginfod_begin").map({ unsafeBitCast($0, to: Begin.self) }),
      let end = dlsym(library, "debuginfod_end").map({ unsafeBitCast($0, to: End.self) }),
      let find = dlsym(library, "debuginfod_find_debuginfo").map({ unsafeBitCast($0, to: Find.self) })
    else { return nil }
    setenv("DEBUGINFOD_TIMEOUT", patience, 0)
    guard let client = begin() else { return nil }
    defer { end(client) }
    var path: UnsafeMutablePointer<CChar>?
    let file = find(client, buildID, Int32(buildID.count), &path)
    guard file >= 0, let path else { return nil }
    close(file)
    defer { free(path) }
    return String(cString: path)
  }
}
