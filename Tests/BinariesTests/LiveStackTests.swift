import Foundation
import StackSnapshot
import Testing

@testable import Binaries
@testable import Unwinder

/// Stacks of running programs, against gdb's of the same moment. Every program ends itself after some minutes, and every
/// command is ended after that.
@Suite(.serialized)
struct LiveStackTests {
  private static let built = Result { try LiveFixture() }

  static let cases: [(program: String, how: String)] =
    [
      "deep", "alloca", "aligned", "avx", "qsort", "library", "tail", "signal", "sigaltstack", "fault", "badcall",
      "thread", "noreturn",
    ].map { ("program", $0) } + ["destructor", "catch", "lambda", "sort"].flatMap { [("cxx", $0), ("fastcxx", $0)] }
    + ["deep", "aligned", "signal", "thread"].flatMap { how in
      ["fast", "static", "pie", "headless", "debug", "clang", "stripped"].map { ($0, how) }
    } + [("pointers", "deep")]

  @Test("A standing program's stacks are gdb's, frame for frame", arguments: cases)
  func againstGDB(program: String, how: String) throws {
    try Self.built.get().compare(program, how)
  }

  enum Change: CaseIterable { case replaced, deleted }

  @Test("A program's file that is gone, or another, since it started is still read", arguments: Change.allCases)
  func changedFile(change: Change) throws {
    let live = try Self.built.get()
    let name = "changing-\(change)"
    try live.fixture.run("cp program \(name)")
    try live.compare(name, "aligned") {
      switch change {
      case .replaced: try live.fixture.run("cp static \(name).new; mv \(name).new \(name)")
      case .deleted: try live.fixture.run("rm \(name)")
      }
    }
  }

  @Test func aProgramOfAnotherMountNamespaceIsReadThroughItsMappings() throws {
    let live = try Self.built.get()
    let place = live.fixture.path("private")
    try live.fixture.run("mkdir -p \(place)")
    guard try live.fixture.run("unshare -m true 2>/dev/null && echo yes || echo no").trimmed == "yes" else {
      print("left out: another mount namespace, which needs CAP_SYS_ADMIN")
      #expect(ProcessInfo.processInfo.environment["CI"] == nil)
      return
    }
    let script = "mount -t tmpfs none \(place) && cp program \(place)/inside && exec \(place)/inside deep"
    try live.compare("inside", "namespace", command: ["/usr/bin/unshare", "-m", "/bin/sh", "-ec", script])
  }

  @Test(
    "At every instruction through libc, linkage tables, vdso, prologues and epilogues the stack ends at _start",
    arguments: ["program", "clang", "bound"])
  func stepping(program: String) throws {
    let live = try Self.built.get()
    // `bound`'s calls are resolved before it starts.
    let steps = try live.fixture.run(
      "timeout -k 1 180 ./step steps-\(program) 20000 6144 ./\(program) step 2>&1 | tail -1")
    let snapshot = try Snapshot(prefix: live.fixture.path("steps-\(program)"))
    var unwinder = Unwinder(source: snapshot.modules)
    var (frames, guessed, misdescribed) = (0, 0, 0)
    var problems: [String] = []
    for stack in snapshot.stacks {
      let (found, end) = snapshot.unwind(stack, &unwinder)
      frames += found.count
      guessed += found.filter(\.isGuessed).count
      let names = found.suffix(5).map { snapshot.name($0) ?? "?" }
      if end != .complete || names.last != "_start" || !names.contains("main") {
        // GCC 12 says of a realigned frame's epilogue that the caller's rbp is still where rbp points to, when that has
        // been popped: for its last two instructions there is no way out by what it says, gdb's neither.
        if program != "clang", found.first.flatMap(snapshot.name) == "aligned_alloca", misdescribed < 4 {
          misdescribed += 1
          continue
        }
        problems.append(
          "\(end): \(found.map { String($0.code.address, radix: 16) + " " + (snapshot.name($0) ?? "?") })")
      }
    }
    #expect(problems.isEmpty, "\(problems.count) of \(snapshot.stacks.count): \(problems.prefix(6))")
    #expect(snapshot.stacks.count > 1000 && Int(steps.trimmed) == snapshot.stacks.count)
    print(
      "stepping \(program): \(snapshot.stacks.count) stacks, \(frames) frames, \(guessed) guessed, \(misdescribed) misdescribed"
    )
  }
}

/// The programs, built in every way, and the comparison.
private final class LiveFixture: Sendable {
  let fixture: Fixture
  private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Stacks").path

  init() throws {
    fixture = try Fixture()
    // It lives as long as the tests do.
    LiveFixtureDirectory.remember(fixture.directory)
    let programs = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Live/programs").path
    try fixture.run("cd \(programs) && cp library.c deep-stacks.c deep-stacks.cc \(fixture.path(""))")
    try fixture.run("mv library.c lib.c; mv deep-stacks.c program.c; mv deep-stacks.cc cxx.cc")
    try fixture.run(
      """
      gcc -O1 -o step '\(Self.sources)/step.c'
      gcc -O2 -fomit-frame-pointer -shared -fPIC -o libother.so lib.c
      flags='-O2 -fomit-frame-pointer -pthread -w'
      dynamic="-L. -lother -Wl,-rpath,$PWD"
      gcc $flags -o program program.c $dynamic -Wl,-z,lazy
      gcc $flags -o bound program.c $dynamic -Wl,-z,now
      gcc $flags -O3 -o fast program.c $dynamic
      gcc $flags -O3 -static -o static program.c lib.c
      gcc $flags -static-pie -o pie program.c lib.c
      gcc $flags -o headless program.c $dynamic -Wl,--no-eh-frame-hdr
      gcc $flags -fno-asynchronous-unwind-tables -g -o debug program.c lib.c
      clang $flags -o clang program.c $dynamic -Wl,-z,lazy
      gcc -O2 -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -pthread -w -o pointers program.c lib.c
      g++ -O2 -fomit-frame-pointer -o cxx cxx.cc
      g++ -O3 -fomit-frame-pointer -o fastcxx cxx.cc
      nm program --format=posix --defined-only | awk '$2 ~ /[Tt]/ { print $1 }' > keep
      objcopy -S --keep-symbols=keep program mini && xz -f mini
      objcopy -S --add-section .gnu_debugdata=mini.xz program stripped
      """)
  }

  private struct GDBFrame {
    let address: UInt64
    let name: String
  }

  /// Starts a program, lets gdb look at it, changes something, and holds our frames against gdb's.
  func compare(_ program: String, _ how: String, command: [String]? = nil, then change: () throws -> Void = {}) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command?.first ?? fixture.path(program))
    process.arguments = command.map { Array($0.dropFirst()) } ?? [how]
    process.currentDirectoryURL = URL(fileURLWithPath: fixture.directory)
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let pid = process.processIdentifier
    defer {
      kill(pid, SIGKILL)
      process.waitUntilExit()
    }
    try #require(!output.fileHandleForReading.availableData.isEmpty, "\(program) \(how) ended early")
    let prefix = fixture.path("\(program)-\(how)")
    try fixture.run(
      """
      timeout -k 1 180 gdb -nx -batch -iex 'set debug-file-directory /nonexistent' -iex 'set debuginfod enabled off' \
        -iex 'set auto-load off' -ex 'set backtrace past-main on' -ex 'set backtrace past-entry on' \
        -ex 'python out = "\(prefix)"' -p \(pid) -x '\(Self.sources)/dump.py' >gdb.log 2>&1
      """)
    try change()
    let snapshot = try Snapshot(prefix: prefix, pid: pid)
    let threads = try gdbFrames(prefix)
    try #require(snapshot.stacks.count == threads.count && !threads.isEmpty)
    var unwinder = Unwinder(source: snapshot.modules)
    for (stack, expected) in zip(snapshot.stacks, threads) {
      let (found, end) = snapshot.unwind(stack, &unwinder)
      let text = found.map { String($0.code.address, radix: 16) + " " + (snapshot.name($0) ?? "?") }
      let wanted = expected.map { String($0.address, radix: 16) + " " + $0.name }
      // Of a handler's own stack the other one is not in the copy.
      let isElsewhere = how == "sigaltstack"
      let count = isElsewhere ? found.count : expected.count
      #expect(found.map(\.code.address) == expected.prefix(count).map(\.address), "\(text)\n\(wanted)")
      #expect(end == (isElsewhere ? .truncated : .complete) && found.count > 3, "\(end): \(text)")
      #expect(found.allSatisfy { !$0.isGuessed } || program == "pointers" || how == "badcall", "\(text)")
      for (frame, expected) in zip(found, expected) where snapshot.modules[frame.module]?.identity.name == program[...]
      {
        let name = snapshot.name(frame).map { Function.readable($0) ?? $0 }
        // gdb's way to write the part of a function that GCC moved away; of libc's aliases any will do.
        let wantedName = expected.name.replacingOccurrences(of: "[cold]", with: ".cold")
        guard !wantedName.hasPrefix("__"), wantedName != "pause" else { continue }
        #expect(name == wantedName, "\(text)\n\(wanted)")
      }
      print("\(program) \(how): \(found.count) frames as gdb's, \(found.filter(\.isGuessed).count) guessed")
    }
  }

  private func gdbFrames(_ prefix: String) throws -> [[GDBFrame]] {
    var threads: [[GDBFrame]] = []
    for line in try String(contentsOfFile: prefix + ".frames", encoding: .utf8).split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 3)
      if fields.first == "THREAD" { threads.append([]) }
      guard fields.first == "FRAME", fields.count == 4, let address = UInt64(fields[1], radix: 16) else { continue }
      threads[threads.count - 1].append(GDBFrame(address: address, name: String(fields[3])))
    }
    return threads
  }
}

/// The directory that goes when the tests' process ends: what a static property owns is never given up.
private enum LiveFixtureDirectory {
  nonisolated(unsafe) private static var path = ""

  static func remember(_ directory: String) {
    path = directory
    atexit { try? FileManager.default.removeItem(atPath: LiveFixtureDirectory.path) }
  }
}

extension Snapshot {
  /// The linked name of the function that a frame is in.
  fileprivate func name(_ frame: Frame) -> String? {
    guard let image = modules[frame.module]?.open(), let address = image.address(ofFileOffset: frame.offset) else {
      return nil
    }
    return image.function(containing: address)?.name
  }
}
