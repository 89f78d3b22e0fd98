internal import Disassembler
internal import FuzzDriver
internal import TraceModel

@testable import Binaries
@testable import TraceSource

// What a trigger's place is judged by: an ELF file of a length that the first two bytes give, then an address in it of 2
// bytes, and the rest is a list of mappings. Nothing may crash, hang or grow, and no instruction may lie outside of its function.

@_cdecl("code_fuzzer_main")
func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  var count = count
  var arguments = arguments
  return runFuzzer(&count, &arguments) { fuzzOneInput($0, $1) }
}

func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var input = FuzzInput(start, count)
  let bytes = input.take(Int(input.next(UInt16.self)))
  let place = UInt64(input.next(UInt16.self))
  readMappings(String(decoding: input.rest, as: UTF8.self), place)
  guard let image = try? ELFImage(memory: bytes, path: "fuzz") else { return 0 }
  var functions = FunctionTable(of: image)
  // Counted from the code's start, wherever that is.
  let base = functions.image.codeRanges.first?.lowerBound ?? 0
  judge(base &+ place, &functions)
  judge(place, &functions)
  return 0
}

private func judge(_ address: UInt64, _ functions: inout FunctionTable) {
  guard let range = (try? functions.code(containing: address)) ?? nil else { return }
  let size = range.upperBound - range.lowerBound
  guard size <= UInt64(FunctionCode.limit),
    let bytes = functions.image.loadedBytes(at: range.lowerBound, count: Int(size))
  else { return }
  _ = functions.image.codeSize
  _ = functions.isInsideFrame(address)
  _ = try? functions.hasFunction(at: range)
  for set in [InstructionSet.x86_64, .i386] {
    let part = CodePart(address: range.lowerBound, bytes: bytes)
    let code = FunctionCode([part], set) { functions.image.loadedBytes(at: $0, count: $1) }
    precondition(code.instructions.allSatisfy { $0.address &- part.address < UInt64(bytes.count) })
    precondition(code.returns.allSatisfy { code.instruction(at: $0)?.flow == .ret })
    let rules = UprobeRules(set)
    if rules.refusal(of: bytes) == nil { _ = rules.mayBecomeCall(bytes) }
    guard let last = code.instructions.last else { continue }
    let scan = BranchScan(to: part.address...max(part.address, last.address))
    for range in functions.image.codeRanges {
      guard let all = functions.image.loadedBytes(at: range.lowerBound, count: 1 << 16) else { continue }
      _ = all.withUnsafeBytes { scan.branches(in: $0, start: range.lowerBound) }
    }
  }
}

private func readMappings(_ text: String, _ place: UInt64) {
  let root = "/root"
  let mappings = CodeMapping.parse(text, root: root)
  let areas = MappedCode.parse(text)
  precondition(mappings.count == areas.count)
  guard let identity = FileIdentity("/") else { return }
  let mapped = MappedCode(areas) { $0.inode % 2 == 0 ? identity : nil }
  _ = mapped.presence(of: identity, at: place)
}
