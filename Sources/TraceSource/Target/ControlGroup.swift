internal import Glibc
internal import SystemCalls
internal import SystemPackage

/// A control group (cgroups(7), version 2 or 1) by its directory: the processes in it and in the groups below it.
struct ControlGroup: Equatable {
  /// The group's directory in the file system of its hierarchy. The group that is there now counts, however often it is removed
  /// and made anew, as a service's is.
  let directory: String

  /// Directories that `path` can mean: itself where it lies below a mount point, else the same path below each mount point, that
  /// of version 2 first.
  static func candidates(_ path: String, in table: MountTable) -> [String] {
    let mounts =
      table.mounts.filter { $0.type == "cgroup2" }.map(\.path) + table.mounts.filter { $0.type == "cgroup" }.map(\.path)
    let components = path.split(separator: "/").filter { $0 != "." }
    // Nothing above a mount point is a group.
    guard !components.contains("..") else { return [] }
    let whole = "/" + components.joined(separator: "/")
    if path.hasPrefix("/"), mounts.contains(where: { whole == $0 || whole.hasPrefix("\($0)/") }) { return [whole] }
    // As the path is on machines that have mounted version 2 alone.
    let usual = "/sys/fs/cgroup/"
    let below = path.hasPrefix("/") && whole.hasPrefix(usual) ? whole.dropFirst(usual.count - 1) : whole[...]
    return mounts.map { below == "/" ? $0 : $0 + below }
  }

  /// The group at `path`. Where several hierarchies have one there, it is the first that has a process.
  static func find(_ path: String) throws(CaptureError) -> ControlGroup {
    let table: MountTable
    do { table = try MountTable.read() } catch {
      throw CaptureError(.noTarget, "cannot read /proc/self/mounts: \(error)", remedy: "mount /proc")
    }
    guard table.mounts.contains(where: { $0.type.hasPrefix("cgroup") }) else {
      throw CaptureError(.noTarget, "no file system of cgroups is mounted", remedy: "mount one, or use -p PID")
    }
    let groups = candidates(path, in: table).map(ControlGroup.init).filter(\.exists)
    guard let first = groups.first else {
      throw CaptureError(
        .noTarget, "there is no cgroup \(path)",
        remedy: "`systemd-cgls` or `cat /proc/PID/cgroup` shows the cgroups that there are")
    }
    return groups.count == 1 ? first : groups.first { !$0.processes.isEmpty } ?? first
  }

  private var exists: Bool { SystemFiles.exists("\(directory)/cgroup.procs") }

  /// The ids of the processes in it and in the groups below it.
  var processes: Set<Int32> {
    var found: Set<Int32> = []
    var groups = [directory]
    while let group = groups.popLast() {
      found.formUnion(Self.members(of: group))
      groups += ((try? SystemFiles.directories(in: group)) ?? []).map { "\(group)/\($0)" }
    }
    return found
  }

  private static func members(of group: String) -> [Int32] {
    do {
      return numbers(try SystemFiles.read("\(group)/cgroup.procs"))
    } catch {
      // A threaded group has threads of processes that are in a group above it.
      guard error == .notSupported, let threads = try? SystemFiles.read("\(group)/cgroup.threads") else { return [] }
      return numbers(threads).compactMap(ProcessStatus.process)
    }
  }

  /// 0 stands for a process that this pid namespace does not show.
  private static func numbers(_ text: String) -> [Int32] {
    text.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }.filter { $0 > 0 }
  }
}
