/// What a killed tool left behind: its instances, and the dynamic events that they used.
package enum Leftovers {
  /// `instances/NAME` and `dynamic_events/GROUP/EVENT` of this tool whose owner is dead.
  package static func list(_ tracefs: any TracefsAccess) throws(CaptureError) -> [String] {
    try instances(tracefs).map { "instances/\($0)" } + events(tracefs).map { "dynamic_events/\($0)" }
  }

  /// Removes them, and returns what was removed. Under the lock that creation takes, so that no instance is seen
  /// between its creation and its owner's lock.
  package static func remove(_ tracefs: any TracefsAccess) throws(CaptureError) -> [String] {
    let lock = DirectoryLock.wait(for: "\(tracefs.root)/instances")
    var removed: [String] = []
    for name in try instances(tracefs) {
      try tracefs.removeInstance(name)
      removed.append("instances/\(name)")
    }
    // No instance uses them any more.
    for event in try events(tracefs) {
      try tracefs.write("-:\(event)", to: "dynamic_events", append: true)
      removed.append("dynamic_events/\(event)")
    }
    _ = consume lock
    return removed
  }

  private static func instances(_ tracefs: any TracefsAccess) throws(CaptureError) -> [String] {
    try tracefs.list("instances").sorted().filter { name in
      guard let owner = InstanceOwner(instanceName: name), !owner.isRunning else { return false }
      return DirectoryLock.isFree("\(tracefs.root)/instances/\(name)")
    }
  }

  /// `GROUP/EVENT`: those of dead owners without a living instance, which shows life in another pid namespace.
  private static func events(_ tracefs: any TracefsAccess) throws(CaptureError) -> [String] {
    guard tracefs.exists("dynamic_events") else { return [] }
    let stale = try instances(tracefs)
    let owners = try tracefs.list("instances").filter { !stale.contains($0) }
      .compactMap { InstanceOwner(instanceName: $0) }
    var events: [String] = []
    for line in try tracefs.read("dynamic_events").split(separator: "\n") {
      // TYPE:GROUP/EVENT PLACE …; one line a site
      guard let event = line.split(separator: " ").first?.split(separator: ":").dropFirst().first.map(String.init),
        let group = event.split(separator: "/").first, let owner = InstanceOwner(probeGroupName: String(group)),
        !owner.isRunning, !owners.contains(owner), !events.contains(event)
      else { continue }
      events.append(event)
    }
    return events
  }
}
