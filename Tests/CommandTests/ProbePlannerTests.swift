import Foundation
import Testing

@testable import Binaries
@testable import TraceSource
@testable import kdelay_ftrace

#if arch(x86_64)
  /// Where probes go, in a library of hand-written functions.
  struct ProbePlannerTests {
    private static let code = """
      .macro function name
      .globl \\name
      .type \\name, @function
      \\name:
      .endm
      .text
      function marked
      mov %rdi, -8(%rsp)
      .globl mark
      mark: .nops 5
      .byte 0xb8
      .globl inside
      inside: .long 7
      mov -8(%rsp), %rax
      ret
      .size marked, .-marked
      function patchable
      .nops 5
      ret
      .size patchable, .-patchable
      function some
      nop
      .rept 4
      .nops 5
      .endr
      ret
      .size some, .-some
      function many
      nop
      .rept 5
      .nops 5
      .endr
      ret
      .size many, .-many
      .globl unsized
      unsized:
      .cfi_startproc
      nop
      .globl label
      label: .nops 5
      ret
      .cfi_endproc
      function huge
      ret
      .size huge, 0x8000000000000000
      """

    private let directory: URL
    private var path: String { directory.path + "/functions.so" }
    private var file: CodeFile { CodeFile(path: path, link: path) }

    init() throws {
      directory = FileManager.default.temporaryDirectory.appendingPathComponent("planner-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      let source = directory.path + "/functions.s"
      try (Self.code + "\n").write(toFile: source, atomically: false, encoding: .utf8)
      let compiler = try Process.run(
        URL(fileURLWithPath: "/usr/bin/gcc"), arguments: ["-shared", "-nostdlib", "-o", path, source])
      compiler.waitUntilExit()
      try #require(compiler.terminationStatus == 0)
    }

    private func remove() { try? FileManager.default.removeItem(at: directory) }

    private func table() throws -> FunctionTable { FunctionTable(of: try ELFImage(path: path)) }

    private func function(_ name: String, _ functions: inout FunctionTable) throws -> Function {
      guard case .function(let found) = try functions.find(name) else { throw CocoaError(.fileNoSuchFile) }
      return found
    }

    /// How far behind `name` a probe goes that is wanted `offset` bytes behind it.
    private func place(_ name: String, _ offset: UInt64 = 0) throws -> UInt64 {
      var functions = try table()
      var planner = ProbePlanner(isForced: false)
      let found = try function(name, &functions)
      let address = found.address + offset
      return try planner.place(at: address, symbol: offset == 0 ? found : nil, name: name, in: &functions)
        - found.address
    }

    @Test func onlyAFunctionKeepsAProbeAtItsFirstNop() throws {
      defer { remove() }
      #expect(try place("patchable") == 0)
      // A label in a function with a size, and in one that only call frame information knows.
      #expect(try place("mark") == 5)
      #expect(try place("label") == 5)
    }

    @Test func aLabelInsideOfAnInstructionIsRefused() throws {
      defer { remove() }
      let error = #expect(throws: TriggerResolver.Failure.self) { try place("inside") }
      #expect(error?.reason.contains("1 bytes inside of an instruction of 5 bytes") == true)
    }

    @Test func aLabelInsideOfAFunctionHasNoReturn() throws {
      defer { remove() }
      for name in ["mark", "label"] {
        var functions = try table()
        var planner = ProbePlanner(isForced: true)
        let found = try function(name, &functions)
        let error = #expect(throws: TriggerResolver.Failure.self) {
          try planner.returns(of: found, file, in: &functions)
        }
        #expect(error?.reason.contains("a place inside of a function") == true)
      }
    }

    @Test func aFewNopsInARowArePassed() throws {
      defer { remove() }
      #expect(try place("some", 1) == 21)
      let error = #expect(throws: TriggerResolver.Failure.self) { try place("many", 1) }
      #expect(error?.reason.contains("more follow") == true)
    }

    @Test func aSizeThatDoesNotFitIsNoFunctionsSize() throws {
      defer { remove() }
      var functions = try table()
      let huge = try function("huge", &functions)
      #expect(huge.size == 1 << 63)
      #expect(try TargetFunction(containing: huge.address, in: &functions) == nil)
    }

    @Test func aSegmentThatIsLargerThanItsFileIsSearchedAsFarAsThereAreBytes() throws {
      defer { remove() }
      var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      // p_filesz of all program headers; e_phoff and e_phnum are at 32 and 56.
      for number in 0..<Int(bytes[56]) {
        let header = Int(bytes[32]) + number * 56
        // PT_LOAD and PF_X
        guard bytes[header] == 1, bytes[header + 4] & 1 != 0 else { continue }
        bytes.replaceSubrange(header + 32..<header + 40, with: [UInt8](repeating: 0, count: 7) + [0xF0])
      }
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      var functions = try table()
      #expect(functions.image.codeSize.map { $0 < 1 << 20 } == true)
      let mark = try function("mark", &functions)
      let around = try #require(try TargetFunction(containing: mark.address, in: &functions))
      #expect(try !around.isEntered(at: mark.address + 5...mark.address + 5, in: &functions))
      #expect(try place("mark") == 5)
    }
  }
#endif
