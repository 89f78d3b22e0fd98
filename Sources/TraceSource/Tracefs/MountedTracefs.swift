internal import CTraceFS
internal import Glibc
package import SystemCalls
package import SystemPackage

/// tracefs as this machine has it mounted.
///
/// Without libtracefs: all that this tool changes is a text in a file, which the seam `TracefsAccess` shows to the tests and to
/// `--debug` write by write, with the error of each. The library keeps the place of tracefs for the whole process, takes an
/// instance that is there already for one that it has made, and says less of a failure than the file's errno.
package struct MountedTracefs: TracefsAccess {
  package let root: String
  /// What is told of every change before it is made; for `--debug`.
  private let log: (@Sendable (String) -> Void)?

  /// Finds tracefs, or debugfs' copy of it, and mounts it where nobody has. The message says so in that case.
  package static func find(
    log: (@Sendable (String) -> Void)? = nil
  ) throws(CaptureError) -> (tracefs: MountedTracefs, message: String?) {
    let table: MountTable
    do { table = try MountTable.read() } catch {
      throw CaptureError(
        .noTracefs, "cannot tell what is mounted: cannot read /proc/self/mounts: \(error)",
        remedy: "mount /proc (`mount -t proc proc /proc`), which much else is read from, too")
    }
    if let root = table.candidates.first(where: MountTable.isTracefs) { return (try use(root, log), nil) }
    if let hidden = table.candidates.first, let cover = table.cover(of: hidden) {
      throw CaptureError(
        .noTracefs, "tracefs is mounted on \(hidden), but covered by another file system (\(cover))",
        remedy: "unmount that, or mount tracefs elsewhere: `mount -t tracefs nodev DIRECTORY`")
    }
    let root = try mount()
    return (try use(root, log), "mounted tracefs on \(root)")
  }

  private static func use(_ root: String, _ log: (@Sendable (String) -> Void)?) throws(CaptureError) -> MountedTracefs {
    guard access("\(root)/instances", R_OK | X_OK) == 0 else {
      throw .tracefs("use", "\(root)/instances", Errno(rawValue: errno))
    }
    return MountedTracefs(root: root, log: log)
  }

  /// Mounts it where it belongs, or where kernels before 4.1 had it, as a part of debugfs.
  private static func mount() throws(CaptureError) -> String {
    var reason: Errno?
    for (type, path, root) in [
      ("tracefs", "/sys/kernel/tracing", "/sys/kernel/tracing"),
      ("debugfs", "/sys/kernel/debug", "/sys/kernel/debug/tracing"),
    ] {
      if Glibc.mount("nodev", path, type, 0, nil) == 0 {
        if MountTable.isTracefs(root) { return root }
        umount(path)  // it did not help
      } else if reason == nil {
        reason = Errno(rawValue: errno)
      }
    }
    let cause = reason ?? .noSuchFileOrDirectory
    if geteuid() != 0 {
      throw CaptureError(
        .notPermitted, "cannot mount tracefs: \(cause)",
        remedy: "run as root (or with CAP_SYS_ADMIN and access to tracefs)")
    }
    throw CaptureError(
      .noTracefs, "no tracefs is mounted and it cannot be mounted: \(cause)",
      remedy: "use a kernel with CONFIG_FTRACE, or `mount -t tracefs nodev /sys/kernel/tracing`")
  }

  package func createInstance(_ name: String) throws(CaptureError) {
    log?("mkdir instances/\(name)")
    guard mkdir("\(root)/instances/\(name)", 0o700) == 0 else {
      throw .tracefs("create", "\(root)/instances/\(name)", Errno(rawValue: errno))
    }
  }

  package func removeInstance(_ name: String) throws(CaptureError) {
    log?("rmdir instances/\(name)")
    guard rmdir("\(root)/instances/\(name)") == 0 else {
      throw .tracefs("remove", "\(root)/instances/\(name)", Errno(rawValue: errno))
    }
  }

  package func read(_ path: String) throws(CaptureError) -> String {
    do { return try SystemFiles.read("\(root)/\(path)") } catch {
      throw .tracefs("read", "\(root)/\(path)", error)
    }
  }

  package func write(_ text: String, to path: String, append: Bool) throws(CaptureError) {
    log?("\(append ? ">>" : ">") \(path): \(text)")
    do {
      let file = try FileDescriptor.open(
        FilePath("\(root)/\(path)"), .writeOnly,
        options: append ? [.append, .closeOnExec] : [.truncate, .closeOnExec])
      try file.closeAfter { _ = try file.writeAll(text.utf8) }
    } catch {
      throw .tracefs("write '\(text.prefix(40))' to", "\(root)/\(path)", error as? Errno ?? .ioError)
    }
  }

  package func list(_ path: String) throws(CaptureError) -> [String] {
    do { return try SystemFiles.list("\(root)/\(path)") } catch {
      throw .tracefs("list", "\(root)/\(path)", error)
    }
  }

  package func exists(_ path: String) -> Bool { SystemFiles.exists("\(root)/\(path)") }

  package func open(
    _ path: String, _ mode: FileDescriptor.AccessMode
  ) throws(CaptureError) -> OwnedDescriptor {
    do {
      return OwnedDescriptor(
        try FileDescriptor.open(
          FilePath("\(root)/\(path)"), mode, options: [.nonBlocking, .closeOnExec]))
    } catch {
      throw .tracefs("open", "\(root)/\(path)", error as? Errno ?? .ioError)
    }
  }
}
