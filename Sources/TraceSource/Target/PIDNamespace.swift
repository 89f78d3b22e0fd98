internal import SystemPackage

/// The numbering of processes that this process sees.
package enum PIDNamespace {
  /// The inode of the first namespace, PROC_PID_INIT_INO (include/linux/proc_ns.h).
  private static let initial = Inode(0xEFFF_FFFC)

  /// Fails in any but the first: the kernel's filters and records have the numbers of that one.
  package static func requireInitial() throws(CaptureError) {
    guard let own = try? FilePath("/proc/self/ns/pid").stat(), own.inode != initial else { return }
    throw CaptureError(
      .refused, "this process is in a pid namespace of its own, whose pids are not those that the kernel traces by",
      remedy: "run it in the host's (`docker run --pid=host`, `nsenter -p -t 1`)")
  }
}
