import Testing
import TraceModel

@testable import Unwinder

/// Which code processes have when, by what the kernel told of them.
struct ProcessTableTests {
  /// A table, and the path and file offset of an address in one of its processes.
  private struct Processes {
    let source = ScriptedCode()
    var table: ProcessCodeTable

    init() { table = ProcessCodeTable(source: source) }

    mutating func change(_ time: UInt64, _ kind: ProcessChange.Kind, pid: Int32 = 1, tid: Int32? = nil) {
      table.apply(ProcessChange(timestamp: time, pid: pid, tid: tid ?? pid, kind: kind))
    }

    mutating func map(
      _ time: UInt64, _ path: String, at start: UInt64, length: UInt64 = 0x1000, offset: UInt64 = 0, pid: Int32 = 1
    ) {
      change(time, .mapped(CodeMapping(start: start, length: length, fileOffset: offset, path: path)), pid: pid)
    }

    mutating func fork(_ time: UInt64, _ parent: Int32, _ child: Int32) {
      change(time, .created(parentPid: parent, parentTid: parent), pid: child)
    }

    func path(_ address: UInt64, at time: UInt64 = .max, pid: Int32 = 1) -> String? {
      guard let mapping = table.space(of: pid, at: time).mapping(containing: address) else { return nil }
      guard mapping.module.isImage else { return "anonymous" }
      return "\(source.path(of: mapping.module))+\(String(mapping.offset(of: address), radix: 16))"
    }
  }

  @Test func aSampleIsUnwoundWithTheMappingsOfItsTime() {
    var processes = Processes()
    processes.map(10, "/a", at: 0x1000)
    processes.map(20, "/b", at: 0x1000, offset: 0x500)
    #expect(processes.path(0x1010, at: 10) == "/a+10")
    #expect(processes.path(0x1010, at: 19) == "/a+10")
    #expect(processes.path(0x1010, at: 20) == "/b+510")
  }

  /// Else a run-time compiler, which makes pages executable all the time, would push out the state of older samples.
  @Test func whatIsToldAgainOrMappedBesideMakesNoNewVersion() {
    var processes = Processes()
    processes.map(1, "/old", at: 0x1000)
    processes.map(2, "/new", at: 0x1000)
    processes.map(2, "//anon", at: 1 << 40, length: 1 << 20)
    for index in 0..<1000 as Range<UInt64> {
      processes.map(3 + index, "/beside", at: (index + 16) << 12, offset: index << 12)
      processes.map(3 + index, "//anon", at: 1 << 40 | index << 8 & ~0xFFF)
      processes.map(3 + index, "/new", at: 0x1000)
    }
    processes.map(2000, "//anon", at: (1 << 40) - 0x1000, length: 1 << 21)
    #expect(processes.path(0x1000, at: 1) == "/old+0")
    #expect(processes.path(0x3E7000 + 0x10000) == "/beside+3e7000")
    #expect(processes.path(1 << 40) == "anonymous")
  }

  @Test func theOldestVersionsGoWhenThereAreTooMany() {
    var processes = Processes()
    for index in 0..<200 as Range<UInt64> { processes.map(index, "/\(index)", at: 0x1000) }
    #expect(processes.path(0x1000, at: 199) == "/199+0")
    #expect(processes.path(0x1000, at: 150) == "/150+0")
    #expect(processes.path(0x1000, at: 0) == "/136+0")
  }

  @Test func execLeavesNothingOfTheOldProgramButForOlderSamples() {
    var processes = Processes()
    processes.map(10, "/old", at: 0x1000)
    processes.change(15, .renamed("thread", byExec: false))
    processes.change(20, .renamed("new", byExec: true))
    processes.map(21, "/new", at: 0x9000)
    #expect(processes.path(0x1000, at: 19) == "/old+0")
    #expect(processes.path(0x1000, at: 20) == nil)
    #expect(processes.path(0x9000, at: 22) == "/new+0")
  }

  @Test func aListOfMappingsReplacesAllOrAddsToThem() {
    var processes = Processes()
    processes.map(10, "/old", at: 0x1000)
    let listed = [CodeMapping(start: 0x5000, length: 0x1000, fileOffset: 0, path: "/listed")]
    processes.table.addAll(listed, of: 1, at: 20)
    #expect(processes.path(0x1000) == "/old+0" && processes.path(0x5000) == "/listed+0")
    processes.table.replaceAll(listed, of: 1, at: 30)
    #expect(processes.path(0x1000) == nil && processes.path(0x5000) == "/listed+0")
    #expect(processes.path(0x1000, at: 29) == "/old+0")
  }

  @Test func aChildHasItsParentsMappingsUntilItChangesThem() {
    var processes = Processes()
    processes.map(10, "/a", at: 0x1000)
    processes.fork(20, 1, 2)
    processes.map(30, "/b", at: 0x1000, pid: 2)
    #expect(processes.path(0x1000) == "/a+0")
    #expect(processes.path(0x1000, pid: 2) == "/b+0")
    #expect(processes.path(0x1000, at: 25, pid: 2) == "/a+0")
    #expect(processes.source.copied == [[1, 2]])
  }

  @Test func whatAProcessMapsIsNobodyElses() {
    var processes = Processes()
    processes.map(10, "/a", at: 0x1000)
    processes.map(10, "/b", at: 0x1000, pid: 2)
    processes.change(20, .renamed("new", byExec: true), pid: 2)
    #expect(processes.path(0x1000) == "/a+0" && processes.path(0x1000, pid: 2) == nil)
    #expect(processes.path(0x1000, pid: 3) == nil)
  }

  @Test func whoIsOverIsForgottenWhenNoSampleMayAskAnyMore() {
    var processes = Processes()
    processes.map(10, "/a", at: 0x1000)
    processes.fork(20, 1, 2)
    processes.change(25, .created(parentPid: 2, parentTid: 2), pid: 2, tid: 3)
    // The first thread ends before the other one, which goes on.
    processes.change(30, .exited, pid: 2, tid: 2)
    processes.table.forgetEnded(before: 100)
    #expect(processes.path(0x1000, pid: 2) == "/a+0")
    processes.change(40, .exited, pid: 2, tid: 3)
    processes.table.forgetEnded(before: 40)
    #expect(processes.path(0x1000, pid: 2) == "/a+0")
    processes.table.forgetEnded(before: 41)
    #expect(processes.path(0x1000, pid: 2) == nil)
    #expect(processes.source.forgotten == [2] && processes.path(0x1000) == "/a+0")
  }

  @Test func aProcessWhoseBirthWasNotSeenIsNotTakenToBeOver() {
    var processes = Processes()
    processes.map(10, "/a", at: 0x1000)
    processes.change(20, .exited)
    processes.table.forgetEnded(before: .max)
    #expect(processes.path(0x1000) == "/a+0")
    processes.table.forget(1)
    #expect(processes.path(0x1000) == nil && processes.table.count == 0)
  }

  @Test func anotherProcessWithTheSameNumberHasCodeOfItsOwn() {
    var processes = Processes()
    processes.map(1, "/a", at: 0x1000, pid: 1)
    processes.map(1, "/z", at: 0x1000, pid: 9)
    processes.fork(10, 1, 2)
    processes.map(11, "/b", at: 0x5000, pid: 2)
    processes.change(20, .exited, pid: 2)
    processes.fork(30, 9, 2)
    // The first one is over since 20, the second one is not.
    processes.table.forgetEnded(before: 40)
    #expect(processes.path(0x5000, at: 15, pid: 2) == "/b+0")
    #expect(processes.path(0x1000, pid: 2) == "/z+0" && processes.path(0x5000, pid: 2) == nil)
    processes.change(50, .exited, pid: 2)
    processes.table.forgetEnded(before: 60)
    #expect(processes.path(0x1000, pid: 2) == nil && processes.table.count == 2)
  }

  @Test func thousandsOfShortLivedProcessesLeaveNothing() {
    var processes = Processes()
    for index in 0..<100 as Range<UInt64> { processes.map(1, "/library", at: index << 16, offset: index << 16) }
    var time: UInt64 = 10
    for number in 0..<20_000 as Range<Int32> {
      let pid = number % 5000 + 2
      processes.fork(time, 1, pid)
      processes.change(time + 1, .renamed("worker", byExec: true), pid: pid)
      processes.map(time + 2, "/worker", at: 0x1000, pid: pid)
      processes.change(time + 3, .exited, pid: pid)
      time += 4
      processes.table.forgetEnded(before: max(time, 400) - 400)
      #expect(processes.table.count <= 102)
    }
    processes.table.forgetEnded(before: .max)
    #expect(processes.table.count == 1 && processes.source.fileCount == 2)
  }

  @Test func memoryWithoutAFileIsAnonymousWhateverItIsCalled() {
    var processes = Processes()
    let names = ["//anon", "[heap]", "[stack]", "[vsyscall]", "//toolong", "", "anon_inode:x", "/dev/zero"]
    for (index, name) in names.enumerated() {
      processes.map(1, name, at: UInt64(index) << 12)
      #expect(processes.path(UInt64(index) << 12) == "anonymous", "\(name)")
    }
    #expect(processes.source.fileCount == 0)
  }

  @Test func memoryOverKnownCodeIsLookedAt() {
    var processes = Processes()
    func suspects() -> [UInt64] { processes.table.mayHaveCopies.map(\.since) }
    processes.map(1, "/bin/program", at: 0x1000)
    processes.map(2, "//anon", at: 0x5000)
    #expect(suspects() == [])
    processes.map(3, "//anon", at: 0x1000)
    #expect(suspects() == [3] && processes.table.mayHaveCopies.map(\.pid) == [1])
    processes.table.addCopies([], of: 1, at: 3)
    #expect(suspects() == [])
    processes.map(4, "//anon", at: 0x1000)
    #expect(suspects() == [])
    // A copy of the file's code in its place is that code.
    processes.map(5, "/bin/program", at: 0x1000)
    processes.map(6, "//anon", at: 0x1000)
    var copy = CodeMapping(start: 0x1000, length: 0x1000, fileOffset: 0, path: "//anon")
    copy.neighbours = [CodeMapping(start: 0x2000, length: 0x1000, fileOffset: 0x1000, path: "/bin/program")]
    processes.table.addCopies([copy], of: 1, at: 6)
    #expect(processes.path(0x1234) == "/bin/program+234" && suspects() == [])
  }

  @Test func theKernelsPageForProbesIsKnown() {
    var processes = Processes()
    processes.map(5, "[uprobes]", at: 0x7FFF_FFFF_E000)
    func trampoline(_ time: UInt64) -> UInt64 { processes.table.space(of: 1, at: time).returnTrampoline }
    #expect(trampoline(5) == 0x7FFF_FFFF_E000)
    processes.change(10, .renamed("new", byExec: true))
    #expect(trampoline(9) == 0x7FFF_FFFF_E000)
    #expect(trampoline(10) == 0)
  }

  @Test func rangesBeyondTheAddressSpaceAreNotTaken() {
    var processes = Processes()
    processes.map(1, "/a", at: .max - 10)
    processes.map(1, "/a", at: 5, length: 0)
    #expect(processes.table.space(of: 1, at: 1).mappings.isEmpty)
  }

  @Test func theKernelsOwnRecordsAreNoProcesss() {
    var processes = Processes()
    processes.map(1, "/a", at: 0x1000, pid: -1)
    #expect(processes.table.count == 0)
  }
}
