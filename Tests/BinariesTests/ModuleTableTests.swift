import TestSupport
import Testing
import TraceModel
import Unwinder

@testable import Binaries

/// Modules of the files that processes map, and how those are reached.
struct ModuleTableTests {
  private func mapping(_ path: String, length: UInt64 = 0x2000) -> CodeMapping {
    CodeMapping(start: 0x1000, length: length, fileOffset: 0, path: path)
  }

  @Test func aFileIsOneModuleHoweverManyProcessesMapIt() {
    let modules = ModuleTable()
    let ids = (1...3).map { modules.module(of: mapping("/lib/x"), in: $0) }
    #expect(Set(ids).count == 1 && modules.count == 1)
    #expect(modules.module(of: mapping("/lib/y"), in: 1) != ids[0])
  }

  @Test func theVDSOIsAnImageOnlyInItsOwnSize() {
    let modules = ModuleTable(vdso: [UInt8](repeating: 0, count: 0x2000))
    let found = modules.module(of: mapping("[vdso]"), in: 1)
    #expect(modules[found]?.identity.path == "[vdso]")
    #expect(modules.module(of: mapping("[vdso]", length: 0x1000), in: 1).isAnonymous)
    #expect(ModuleTable().module(of: mapping("[vdso]"), in: 1).isAnonymous)
  }

  @Test func anImageInMemoryAnswersTheUnwinder() throws {
    var program = SyntheticProgram()
    program.describe(0x200..<0x280, CFA.defineOffset(24))
    program.code = [0x200: [0xCD, 0x80]]
    let modules = ModuleTable()
    let module = modules.add(memory: program.image, name: "program")
    #expect(modules.is64Bit(module) && modules.address(ofFileOffset: 0x210, in: module) == 0x210)
    #expect(modules.address(ofFileOffset: 1 << 20, in: module) == nil)
    var budget = FrameBudget()
    #expect(try modules.row(for: 0x210, in: module, &budget)?.row.cfa == .registerOffset(7, 24))
    #expect(try modules.row(for: 0x300, in: module, &budget) == nil)
    #expect(modules.is64Bit(.anonymous) == false)
  }

  @Test func filesOfAnotherMachineAnswerTheUnwinderToo() throws {
    let native = SyntheticProgram().image
    for machine in [62, 183] as [UInt8] {
      var image = native
      image[18] = machine
      let modules = ModuleTable()
      #expect(modules.is64Bit(modules.add(memory: image, name: "program")))
    }
    var image = native
    image[18] = 243
    let modules = ModuleTable()
    #expect(!modules.is64Bit(modules.add(memory: image, name: "program")))
  }

  @Test func aRecordedProcesssNumberIsNotLookedUp() {
    let (recorded, live) = (TargetFiles(recorded: 7, root: "/fs"), TargetFiles(pid: 7, root: nil))
    #expect(recorded.place(of: "/lib/x", mappedAt: 0x1000, length: 0x2000).link == nil)
    #expect(recorded.place(of: "/lib/x", mappedAt: 0x1000, length: 0x2000).path == "/fs/lib/x")
    #expect(live.place(of: "/lib/x", mappedAt: 0x1000, length: 0x2000).link == "/proc/7/map_files/1000-3000")
    var moved = live
    moved.change(root: "/proc/self/fd/9")
    moved.change(root: "/proc/self/fd/8")
    let place = moved.copied(to: 8).place(of: "/x", mappedAt: 0, length: 1)
    #expect(place.path == "/proc/self/fd/8/x" && place.others == ["/proc/self/fd/9/x", "/x"])
    #expect(place.link == "/proc/8/map_files/0-1")
  }
}
