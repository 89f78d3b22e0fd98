import Foundation
import Testing
import TraceModel

@testable import TraceSource

/// Control groups in a directory tree that looks like their file systems'.
struct ProcessLimitsTests {
  private let root = FileManager.default.temporaryDirectory.appending(path: "groups-\(UUID().uuidString)").path

  private func write(_ text: String, _ file: String) throws {
    let path = "\(root)/\(file)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try text.write(toFile: path, atomically: false, encoding: .utf8)
  }

  private func limits(_ mounts: String, _ groups: String) -> ControlGroupFacts? {
    defer { try? FileManager.default.removeItem(atPath: root) }
    return ProcessLimits(MountTable(mounts)).read(ProcessLimits.paths(groups))
  }

  private var version1: String {
    "none \(root)/cpu cgroup rw,cpu,cpuacct 0 0\nnone \(root)/freezer cgroup rw,freezer 0 0\n"
      + "none \(root)/unified cgroup2 rw 0 0\n"
  }

  @Test func aQuotaOfVersion1CountsAndOneAboveToo() throws {
    try write("-1\n", "cpu/cpu.cfs_quota_us")
    try write("20000\n", "cpu/a/cpu.cfs_quota_us")
    try write("nr_periods 9\nnr_throttled 3\nthrottled_time 5000\n", "cpu/a/cpu.stat")
    try write("-1\n", "cpu/a/b/cpu.cfs_quota_us")
    try write("nr_periods 0\nnr_throttled 7\nthrottled_time 7\n", "cpu/a/b/cpu.stat")
    try write("THAWED\n", "freezer/f/freezer.state")
    let facts = limits(version1, "2:freezer:/f\n1:cpu,cpuacct:/a/b\n0::/\n")
    #expect(facts == ControlGroupFacts(path: "/a", hasQuota: true, throttledPeriods: 3, throttledTime: 5000))
  }

  @Test(arguments: [("FROZEN\n", true), ("FREEZING\n", true), ("THAWED\n", false)])
  func aFreezerOfVersion1Holds(_ state: String, _ isFrozen: Bool) throws {
    try write("-1\n", "cpu/a/cpu.cfs_quota_us")
    try write(state, "freezer/f/freezer.state")
    let facts = limits(version1, "2:freezer:/f\n1:cpu:/a\n")
    #expect(facts == ControlGroupFacts(path: "/a", isFrozen: isFrozen))
  }

  @Test func version2HasBothInOneHierarchy() throws {
    try write("max 100000\n", "unified/s/cpu.max")
    try write("20000 100000\n", "unified/s/t/cpu.max")
    try write("usage_usec 1\nnr_periods 2\nnr_throttled 2\nthrottled_usec 30\n", "unified/s/t/cpu.stat")
    try write("populated 1\nfrozen 1\n", "unified/s/t/cgroup.events")
    let facts = limits(version1, "0::/s/t\n")
    #expect(
      facts
        == ControlGroupFacts(path: "/s/t", hasQuota: true, throttledPeriods: 2, throttledTime: 30_000, isFrozen: true))
  }

  @Test func nothingIsKnownWithoutAMountOrOfAPathOutside() {
    #expect(limits("", "1:cpu:/a\n0::/a\n") == nil)
    #expect(limits(version1, "1:cpu:/../a\n0::/..\n") == nil)
    #expect(limits(version1, "") == nil)
  }

  @Test func aPathMayHoldColons() {
    #expect(ProcessLimits.paths("3:cpu:/a:b\n0::/c\nnoise\n") == ["cpu": "/a:b", "": "/c"])
  }

  @Test func pressureIsTheTotalOfSome() {
    let text =
      "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"
    #expect(PressureFacts.total(text) == 1_234_000)
    #expect(PressureFacts.total("full total=5\n") == nil)
  }
}
