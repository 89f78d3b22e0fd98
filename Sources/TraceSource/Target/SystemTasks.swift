internal import SystemCalls

/// All tasks of the machine, as /proc shows them.
package enum SystemTasks {
  /// The names of the living tasks that this process may see, by id.
  package static func names() -> [Int32: String] {
    var names: [Int32: String] = [0: "<idle>"]
    for process in (try? SystemFiles.list("/proc")) ?? [] {
      guard Int32(process) != nil else { continue }
      for task in (try? SystemFiles.list("/proc/\(process)/task")) ?? [] {
        guard let tid = Int32(task), let name = try? SystemFiles.read("/proc/\(process)/task/\(task)/comm") else {
          continue
        }
        names[tid] = name.hasSuffix("\n") ? String(name.dropLast()) : name
      }
    }
    return names
  }
}
