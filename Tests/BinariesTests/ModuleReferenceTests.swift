import Foundation
import Testing
import TraceModel

@testable import Binaries
@testable import Unwinder

struct ModuleReferenceTests {
  private func fixture() throws -> Fixture {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run("gcc -g -Wl,--build-id a.c -o a")
    return fixture
  }

  private func identity(_ fixture: Fixture, byBuildID: Bool) throws -> ModuleIdentity {
    let file = try ImageFile(path: fixture.path("a"))
    let image = try ELFImage(bytes: ImageBytes(of: file), path: "")
    return ModuleIdentity(
      path: "/program", inode: byBuildID ? 0 : file.inode, buildID: byBuildID ? image.buildID ?? [] : [])
  }

  /// What is in the middle of `hidden_helper`, by a module's file.
  private func helper(_ modules: ModuleTable, _ module: ModuleID, _ fixture: Fixture) throws -> StackFrame {
    let address = try fixture.address(of: "hidden_helper", in: "a") + 8
    let image = try ELFImage(path: fixture.path("a"))
    let found = image.fileOffset(ofAddress: address)
    let offset = try #require(found)
    var symbolizer = Symbolizer()
    let frame = Frame(code: .instruction(offset), isGuessed: false, module: module, offset: offset)
    return symbolizer.frames(of: StackPlace(frame), in: modules[module]?.reference)[0]
  }

  private func place(_ path: String) -> ModulePlace { ModulePlace(link: nil, path: path) }

  @Test func aFileThatIsGoneWhenItIsSymbolizedIsReadAllTheSame() throws {
    let fixture = try fixture()
    try fixture.run("cp a gone")
    let modules = ModuleTable()
    let module = modules.add(ModuleIdentity(path: "/gone"), at: place(fixture.path("gone")))
    try fixture.run("rm gone")
    let frame = try helper(modules, module, fixture)
    #expect(frame.symbol == "hidden_helper" && frame.offset == 8 && frame.module == "gone")
    #expect(frame.source?.hasSuffix("/a.c:2") == true)
  }

  @Test(arguments: [false, true])
  func anotherFileAtThePathIsNotUsed(byBuildID: Bool) throws {
    let fixture = try fixture()
    let identity = try identity(fixture, byBuildID: byBuildID)
    try fixture.run("echo 'int main(void) { return 3; }' > b.c; gcc -Wl,--build-id b.c -o other")
    for (file, symbol) in [("a", "hidden_helper"), ("other", nil)] {
      let modules = ModuleTable()
      let frame = try helper(modules, modules.add(identity, at: place(fixture.path(file))), fixture)
      #expect(frame.symbol == symbol && frame.module == "program")
    }
  }

  /// Inodes' numbers are those of their file system. Some show another device in mappings than to `stat`: there, the path tells.
  @Test func aFileOfAnotherFileSystemIsNotTaken() throws {
    let fixture = try fixture()
    let file = try ImageFile(path: fixture.path("a"))
    let other = try #require(DeviceNumber(major: 0xABC, minor: 0xDEF))
    try fixture.run("echo 'int main(void) { return 3; }' > b.c; gcc b.c -o b")
    for (device, symbol) in [(file.device, "hidden_helper"), (other, nil)] as [(DeviceNumber?, String?)] {
      let modules = ModuleTable()
      let identity = ModuleIdentity(path: "/program", inode: file.inode, device: device)
      let place = ModulePlace(link: nil, path: fixture.path("b"), others: [fixture.path("a")])
      #expect(try helper(modules, modules.add(identity, at: place), fixture).symbol == symbol)
    }
    let modules = ModuleTable()
    let identity = ModuleIdentity(path: "/program", inode: file.inode, device: other)
    let found = try helper(modules, modules.add(identity, at: place(fixture.path("a"))), fixture)
    #expect(found.symbol == "hidden_helper")
  }

  @Test func aLinkHasToLeadToTheWholePath() throws {
    let fixture = try fixture()
    try fixture.run("mkdir -p sub/lib; cp a sub/lib/x; ln -s \(fixture.path("sub/lib/x")) link")
    for (root, symbol) in [(fixture.path("sub"), "hidden_helper"), ("/", nil)] as [(String, String?)] {
      let modules = ModuleTable()
      let place = ModulePlace(link: fixture.path("link"), root: root, path: "/nowhere")
      #expect(try helper(modules, modules.add(ModuleIdentity(path: "/lib/x"), at: place), fixture).symbol == symbol)
    }
  }

  @Test func fifosAndDevicesAreNotWaitedFor() throws {
    let fixture = try fixture()
    try fixture.run("mkfifo fifo")
    for path in [fixture.path("fifo"), "/dev/zero", fixture.directory] {
      let modules = ModuleTable()
      let module = modules.add(ModuleIdentity(path: path))
      #expect(try helper(modules, module, fixture).symbol == nil)
      #expect(throws: ImageError.notRegularFile(path: path)) { _ = try modules[module]?.reference.open() }
    }
  }

  @Test func onlySoManyFilesAreHeldOpen() throws {
    // The tests beside this one need some too.
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 4096))
    try #require(limit.rlim_cur >= 4096 && setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    let fixture = try fixture()
    let modules = ModuleTable()
    let files = { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
    let before = try files()
    var last = ModuleID.anonymous
    for number in 0..<ModuleTable.heldLimit + 50 {
      last = modules.add(ModuleIdentity(path: "/file\(number)"), at: place(fixture.path("a")))
    }
    // Other tests open files at the same time.
    #expect(abs(try files() - before - ModuleTable.heldLimit) < 40)
    #expect(try helper(modules, last, fixture).symbol == "hidden_helper")
  }

  @Test func theKernelsOwnCodeInAProcessHasNames() throws {
    // The size of a file in /proc is not said.
    let maps = try #require(FileHandle(forReadingAtPath: "/proc/self/maps")).readToEnd()
    let line = String(decoding: try #require(maps), as: UTF8.self).split(separator: "\n").first {
      $0.hasSuffix("[vdso]")
    }
    let columns = try #require(line).split(separator: " ")
    let range = columns[0].split(separator: "-").compactMap { UInt(String($0), radix: 16) }
    let start = try #require(UnsafeRawPointer(bitPattern: range[0]))
    let bytes = Array(UnsafeRawBufferPointer(start: start, count: Int(range[1] - range[0])))
    var functions = FunctionTable(of: try ELFImage(memory: bytes, path: "[vdso]"))
    let name = SyscallABI.native == .arm64 ? "__kernel_clock_gettime" : "__vdso_clock_gettime"
    let function = try #require(try functions.find(name).function)
    let modules = ModuleTable()
    let module = modules.add(memory: bytes, name: "[vdso]")
    let frame = Frame(
      code: .returnAddress(UInt64(range[0]) + function.address + 5), isGuessed: true, module: module,
      offset: function.address + 4)
    var symbolizer = Symbolizer()
    let found = symbolizer.frames(of: StackPlace(frame), in: modules[module]?.reference)
    #expect(found.count == 1 && found[0].symbol?.hasSuffix("clock_gettime") == true && found[0].offset == 5)
    #expect(found[0].module == "[vdso]" && found[0].moduleOffset == function.address + 5)
    #expect(found[0].address == frame.code.address && found[0].isGuessed)
  }

  /// The unwinder's thread goes on while another one symbolizes.
  @Test func referencesAreReadOnOtherThreads() throws {
    let fixture = try fixture()
    let modules = ModuleTable()
    let module = modules.add(ModuleIdentity(path: fixture.path("a")))
    let reference = try #require(modules[module]).reference
    let image = try ELFImage(path: fixture.path("a"))
    let found = image.fileOffset(ofAddress: try fixture.address(of: "hidden_helper", in: "a"))
    let place = StackPlace(
      Frame(code: .instruction(try #require(found)), isGuessed: false, module: module, offset: try #require(found)))
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      var symbolizer = Symbolizer()
      for _ in 0..<20 { #expect(symbolizer.frames(of: place, in: reference)[0].symbol == "hidden_helper") }
    }
  }
}
