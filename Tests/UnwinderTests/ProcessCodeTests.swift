import Foundation
import Testing
import TraceModel

@testable import Unwinder

/// Which code a process has when, by what the kernel told of it.
struct ProcessCodeTests {
  /// A process's code, and the path and file offset of an address in it.
  private struct Process {
    let modules: ModuleTable
    var code: ProcessCode
    let pid: Int32

    init(vdso: [UInt8] = []) {
      modules = ModuleTable()
      pid = 1
      code = ProcessCode(modules: modules, files: TargetFiles(recorded: pid), vdso: vdso)
    }

    init(childOf parent: Process) {
      modules = parent.modules
      pid = 2
      code = parent.code.child(pid: pid)
    }

    mutating func change(_ time: UInt64, _ kind: ProcessChange.Kind) {
      code.apply(ProcessChange(timestamp: time, pid: pid, tid: pid, kind: kind))
    }

    mutating func map(_ time: UInt64, _ path: String, at start: UInt64, length: UInt64 = 0x1000, offset: UInt64 = 0) {
      change(time, .mapped(CodeMapping(start: start, length: length, fileOffset: offset, path: path)))
    }

    func path(_ address: UInt64, at time: UInt64 = .max) -> String? {
      guard let mapping = code.space(at: time).mapping(containing: address) else { return nil }
      guard let module = modules[mapping.module] else { return "anonymous" }
      return "\(module.identity.path)+\(String(mapping.offset(of: address), radix: 16))"
    }
  }

  @Test func aSampleIsUnwoundWithTheMappingsOfItsTime() {
    var process = Process()
    process.map(10, "/a", at: 0x1000)
    process.map(20, "/b", at: 0x1000, offset: 0x500)
    #expect(process.path(0x1010, at: 10) == "/a+10")
    #expect(process.path(0x1010, at: 19) == "/a+10")
    #expect(process.path(0x1010, at: 20) == "/b+510")
  }

  /// Else a run-time compiler, which makes pages executable all the time, would push out the state of older samples.
  @Test func whatIsToldAgainOrMappedBesideMakesNoNewVersion() {
    var process = Process()
    process.map(1, "/old", at: 0x1000)
    process.map(2, "/new", at: 0x1000)
    process.map(2, "//anon", at: 1 << 40, length: 1 << 20)
    for index in 0..<1000 as Range<UInt64> {
      process.map(3 + index, "/beside", at: (index + 16) << 12, offset: index << 12)
      process.map(3 + index, "//anon", at: 1 << 40 | index << 8 & ~0xFFF)
      process.map(3 + index, "/new", at: 0x1000)
    }
    process.map(2000, "//anon", at: (1 << 40) - 0x1000, length: 1 << 21)
    #expect(process.path(0x1000, at: 1) == "/old+0")
    #expect(process.path(0x3E7000 + 0x10000) == "/beside+3e7000")
    #expect(process.path(1 << 40) == "anonymous")
  }

  @Test func theOldestVersionsGoWhenThereAreTooMany() {
    var process = Process()
    for index in 0..<200 as Range<UInt64> { process.map(index, "/\(index)", at: 0x1000) }
    #expect(process.path(0x1000, at: 199) == "/199+0")
    #expect(process.path(0x1000, at: 150) == "/150+0")
    #expect(process.path(0x1000, at: 0) == "/136+0")
  }

  @Test func execLeavesNothingOfTheOldProgramButForOlderSamples() {
    var process = Process()
    process.map(10, "/old", at: 0x1000)
    process.change(15, .renamed("thread", byExec: false))
    process.change(20, .renamed("new", byExec: true))
    process.map(21, "/new", at: 0x9000)
    #expect(process.path(0x1000, at: 19) == "/old+0")
    #expect(process.path(0x1000, at: 20) == nil)
    #expect(process.path(0x9000, at: 22) == "/new+0")
  }

  @Test func aChildHasItsParentsMappingsUntilItChangesThem() {
    var parent = Process()
    parent.map(10, "/a", at: 0x1000)
    var child = Process(childOf: parent)
    child.map(30, "/b", at: 0x1000)
    #expect(parent.path(0x1000) == "/a+0")
    #expect(child.path(0x1000) == "/b+0")
    #expect(child.path(0x1000, at: 25) == "/a+0")
  }

  @Test func memoryWithoutAFileIsAnonymousWhateverItIsCalled() {
    var process = Process()
    let names = ["//anon", "[heap]", "[stack]", "[vsyscall]", "[vdso]", "//toolong", "", "anon_inode:x", "/dev/zero"]
    for (index, name) in names.enumerated() {
      process.map(1, name, at: UInt64(index) << 12)
      #expect(process.path(UInt64(index) << 12) == "anonymous", "\(name)")
    }
    #expect(process.modules.count == 0)
  }

  @Test func theVDSOIsAnImageOnlyInItsOwnSize() {
    var process = Process(vdso: [UInt8](repeating: 0, count: 0x2000))
    process.map(1, "[vdso]", at: 0x10000, length: 0x2000)
    process.map(1, "[vdso]", at: 0x20000, length: 0x1000)
    #expect(process.path(0x10020) == "[vdso]+20")
    #expect(process.path(0x20020) == "anonymous")
  }

  @Test func theKernelsPageForProbesIsKnown() {
    var process = Process()
    process.map(5, "[uprobes]", at: 0x7FFF_FFFF_E000)
    #expect(process.code.space(at: 5).returnTrampoline == 0x7FFF_FFFF_E000)
    process.change(10, .renamed("new", byExec: true))
    #expect(process.code.space(at: 9).returnTrampoline == 0x7FFF_FFFF_E000)
    #expect(process.code.space(at: 10).returnTrampoline == 0)
  }

  @Test func rangesBeyondTheAddressSpaceAreNotTaken() {
    var process = Process()
    process.map(1, "/a", at: .max - 10)
    process.map(1, "/a", at: 5, length: 0)
    #expect(process.code.space(at: 1).mappings.isEmpty)
  }

  @Test func aRecordedProcesssNumberIsNotLookedUp() {
    let (recorded, live) = (TargetFiles(recorded: 7, root: "/fs"), TargetFiles(pid: 7, root: nil))
    #expect(recorded.place(of: "/lib/x", mappedAt: 0x1000, length: 0x2000).link == nil)
    #expect(recorded.place(of: "/lib/x", mappedAt: 0x1000, length: 0x2000).path == "/fs/lib/x")
    #expect(live.place(of: "/lib/x", mappedAt: 0x1000, length: 0x2000).link == "/proc/7/map_files/1000-3000")
    var moved = live
    moved.change(root: "/proc/self/fd/9")
    moved.change(root: "/proc/self/fd/8")
    let place = moved.place(of: "/x", mappedAt: 0, length: 1)
    #expect(place.path == "/proc/self/fd/8/x" && place.others == ["/proc/self/fd/9/x", "/x"])
  }
}
