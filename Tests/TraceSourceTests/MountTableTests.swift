import Testing
import TraceModel

@testable import TraceSource

struct MountTableTests {
  @Test func pathsMayHoldAnyCharacter() {
    let table = MountTable(
      """
      proc /proc proc rw 0 0
      nodev /mnt/my\\040traces\\011x\\134y tracefs rw 0 0
      debugfs /sys/kernel/debug debugfs rw 0 0
      noise
      """)
    #expect(table.candidates == ["/mnt/my traces\tx\\y", "/sys/kernel/debug/tracing"])
  }

  @Test func aBackslashWithoutACodeStandsForItself() {
    #expect(MountTable.unescaped("a\\9zz\\") == "a\\9zz\\")
  }

  @Test func theLastMountAboveAPathCoversIt() {
    func table(_ last: String) -> MountTable {
      MountTable("root / ext4 rw 0 0\nt /sys/kernel/tracing tracefs rw 0 0\n\(last)\n")
    }
    let root = "/sys/kernel/tracing"
    #expect(table("none /sys/kernel tmpfs rw 0 0").cover(of: root) == "tmpfs on /sys/kernel")
    #expect(table("none /sys/kernel/tracing tmpfs rw 0 0").cover(of: root) == "tmpfs on /sys/kernel/tracing")
    #expect(table("none /sys/kernel/tracing2 tmpfs rw 0 0").cover(of: root) == nil)
  }

  @Test func procIsNoTracefs() { #expect(!MountTable.isTracefs("/proc") && !MountTable.isTracefs("/no/such/place")) }

  @Test func theProcessesBelowOneAreFoundOnceEach() {
    let processes: [(pid: Int32, parent: Int32)] = [
      (1, 0), (10, 1), (11, 10), (12, 10), (13, 11), (14, 1), (20, 21), (21, 20),
    ]
    let found = ProcessTree.descendants(of: [10], among: processes).sorted { $0.pid < $1.pid }
    #expect(
      found == [
        DescendantProcess(pid: 11, isChild: true), DescendantProcess(pid: 12, isChild: true),
        DescendantProcess(pid: 13, isChild: false),
      ])
    // While it was read, each became the other's parent.
    #expect(ProcessTree.descendants(of: [20], among: processes).map(\.pid) == [21])
  }
}
