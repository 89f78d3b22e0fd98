internal import SystemCalls
package import TraceModel

/// Finds what control groups put on processes (cgroups(7), version 2 or 1), by where their hierarchies were mounted when it was
/// made.
package struct ProcessLimits: Sendable {
  /// The mount points by controller; "" stands for version 2.
  private let mounts: [String: String]

  /// By the mounts that there are now.
  package init() { self.init((try? MountTable.read()) ?? MountTable("")) }

  init(_ table: MountTable) {
    var mounts: [String: String] = [:]
    for mount in table.mounts {
      if mount.type == "cgroup2" { mounts[""] = mounts[""] ?? mount.path }
      if mount.type == "cgroup" {
        for controller in ["cpu", "freezer"] where mount.options.contains(controller) {
          mounts[controller] = mounts[controller] ?? mount.path
        }
      }
    }
    self.mounts = mounts
  }

  /// Whether quotas of CPU time can be looked at, of some processes at least.
  var seesQuotas: Bool { mounts["cpu"] != nil || mounts[""] != nil }

  /// Whether freezers can be looked at, of some processes at least.
  var seesFreezers: Bool { mounts["freezer"] != nil || mounts[""] != nil }

  /// What limits the process now; nil where it has ended, or no group of it can be looked at.
  package func read(of pid: Int32) -> ControlGroupFacts? {
    guard let text = try? SystemFiles.read("/proc/\(pid)/cgroup") else { return nil }
    return read(Self.paths(text))
  }

  /// The process's path in each controller's hierarchy, by the text of /proc/PID/cgroup: `ID:CONTROLLERS:PATH` a line.
  static func paths(_ text: String) -> [String: String] {
    var paths: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, parts[2].hasPrefix("/") else { continue }
      // A path outside of this process's own cgroup namespace cannot be reached below the mount point.
      guard !parts[2].split(separator: "/").contains("..") else { continue }
      for controller in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
        paths[String(controller)] = String(parts[2])
      }
    }
    return paths
  }

  func read(_ paths: [String: String]) -> ControlGroupFacts? {
    // A controller is in one hierarchy only.
    let groups = ["cpu", "freezer", ""].compactMap { controller -> (controller: String, mount: String, path: String)? in
      guard let mount = mounts[controller], let path = paths[controller] else { return nil }
      return (controller, mount, path)
    }
    guard let first = groups.first else { return nil }
    var facts = ControlGroupFacts(path: first.path)
    for group in groups {
      if group.controller != "freezer" { Self.addQuotas(group.mount, group.path, &facts) }
      if group.controller != "cpu", Self.isFrozen(group.mount + group.path) { facts.isFrozen = true }
    }
    return facts
  }

  /// Adds the quotas of the group and of those above it.
  private static func addQuotas(_ mount: String, _ path: String, _ facts: inout ControlGroupFacts) {
    var components = path.split(separator: "/")
    while true {
      let group = "/" + components.joined(separator: "/")
      let directory = mount + (components.isEmpty ? "" : group)
      if hasQuota(directory), let text = try? SystemFiles.read("\(directory)/cpu.stat") {
        let (periods, time) = throttling(text)
        if !facts.hasQuota { facts.path = group }
        facts.hasQuota = true
        facts.throttledPeriods &+= periods
        facts.throttledTime &+= time
      }
      if components.isEmpty { return }
      components.removeLast()
    }
  }

  /// Version 2 has the quota and the period in one file, version 1 a file for the quota alone.
  private static func hasQuota(_ directory: String) -> Bool {
    if let text = try? SystemFiles.read("\(directory)/cpu.max") { return !text.hasPrefix("max") }
    return (try? SystemFiles.read("\(directory)/cpu.cfs_quota_us")).map { !$0.hasPrefix("-") } ?? false
  }

  /// What `cpu.stat` says of throttling: the number of periods, and the time, ns.
  static func throttling(_ text: String) -> (periods: UInt64, time: UInt64) {
    var (periods, time): (UInt64, UInt64) = (0, 0)
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, let number = UInt64(words[1]) else { continue }
      switch words[0] {
      case "nr_throttled": periods = number
      case "throttled_time": time = number
      case "throttled_usec": time = number &* 1000
      default: break
      }
    }
    return (periods, time)
  }

  /// Whether a freezer holds the group, or one above it: the group's own files tell of both.
  private static func isFrozen(_ directory: String) -> Bool {
    if let text = try? SystemFiles.read("\(directory)/freezer.state") { return text.hasPrefix("FR") }
    return (try? SystemFiles.read("\(directory)/cgroup.events"))?.contains("frozen 1") ?? false
  }
}

extension PressureFacts {
  /// What /proc/pressure says; nil where the kernel keeps no account of it.
  package static func read() -> PressureFacts? {
    var some: [String: UInt64] = [:]
    for resource in ["cpu", "io", "memory"] {
      some[resource] = (try? SystemFiles.read("/proc/pressure/\(resource)")).flatMap(total)
    }
    return some.isEmpty ? nil : PressureFacts(some: some)
  }

  /// The total of `some avg10=… avg60=… avg300=… total=MICROSECONDS`, ns.
  static func total(_ text: String) -> UInt64? {
    let line = text.split(separator: "\n").first { $0.hasPrefix("some ") }
    let word = line?.split(separator: " ").first { $0.hasPrefix("total=") }
    return word.flatMap { UInt64($0.dropFirst(6)) }.map { $0 &* 1000 }
  }
}
