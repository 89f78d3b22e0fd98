package import SystemCalls
package import SystemPackage

/// The seam to tracefs: everything that the tool changes in the kernel's tracing goes through it, so that a test sees
/// each write and can make any of them fail. Paths are relative to tracefs' root.
package protocol TracefsAccess: Sendable {
  /// Where tracefs is mounted.
  var root: String { get }
  /// Creates `instances/NAME`.
  func createInstance(_ name: String) throws(CaptureError)
  /// Removes `instances/NAME` and all it holds.
  func removeInstance(_ name: String) throws(CaptureError)
  func read(_ path: String) throws(CaptureError) -> String
  /// Replaces what the file holds, or adds to it.
  func write(_ text: String, to path: String, append: Bool) throws(CaptureError)
  func list(_ path: String) throws(CaptureError) -> [String]
  func exists(_ path: String) -> Bool
  func open(_ path: String, _ mode: FileDescriptor.AccessMode) throws(CaptureError) -> OwnedDescriptor
}

extension TracefsAccess {
  package func write(_ text: String, to path: String) throws(CaptureError) {
    try write(text, to: path, append: false)
  }
}
