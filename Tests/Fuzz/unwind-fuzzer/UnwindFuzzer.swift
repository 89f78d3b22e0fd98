internal import FuzzDriver
internal import TraceModel

@testable import Binaries
@testable import Unwinder

// An ELF file of a length that the first two bytes give, then flags of mappings, registers and a stack of 4 bytes a
// word: the upper two bits say whether the rest is a place in the code, in the stack, or a number. It is walked by both
// machines. Nothing may crash, hang or grow, and each walk must end by itself.

@_cdecl("unwind_fuzzer_main")
func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  var count = count
  var arguments = arguments
  return runFuzzer(&count, &arguments) { fuzzOneInput($0, $1) }
}

private let code: UInt64 = 0x7F00_0000_0000
private let stack: UInt64 = 0x7FFF_0000_0000

private func word(_ encoded: UInt32) -> UInt64 {
  let low = UInt64(encoded & 0x3FFF_FFFF)
  return switch encoded >> 30 {
  case 0: code + low % 0x10_0000
  case 1: stack &- 64 &+ low % 0x4000
  case 2: low
  default: UInt64(bitPattern: -Int64(low))
  }
}

func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var input = FuzzInput(start, count)
  let image = input.take(Int(input.next(UInt16.self)))
  let modules = ModuleTable()
  let module = modules.add(memory: image, name: "fuzz")
  var space = AddressSpace()
  space.add(Mapping(start: code, end: code + 0x8000, fileOffset: 0, module: module))
  let flags = input.next(UInt8.self)
  if flags & 1 != 0 { space.add(Mapping(start: code + 0x8000, end: code + 0x9000, module: .anonymous)) }
  if flags & 2 != 0 {
    space.add(Mapping(start: code + 0x400, end: code + 0x800, fileOffset: .max - 0x100, module: module))
  }
  if flags & 4 != 0 { space.remove(code + 0x100..<code + 0x180) }
  var registers = UserRegisters()
  for number in 0..<33 { registers[number] = word(input.next()) }
  registers[X86_64.rsp] = stack
  var words: [UInt64] = []
  while !input.rest.isEmpty { words.append(word(input.next())) }
  walk(UnwindCore<X86_64>(source: modules), registers, words, space)
  registers[X86_64.rsp] = code
  registers[ARM64.sp] = stack
  walk(UnwindCore<ARM64>(source: modules), registers, words, space)
  if let opened = modules[module]?.open() { _ = opened.function(containing: 0x1000) }
  return 0
}

private func walk<Machine: Architecture>(
  _ core: consuming UnwindCore<Machine>, _ registers: UserRegisters, _ words: [UInt64], _ space: AddressSpace
) {
  var core = core
  // Again over what is cached: it must not matter.
  var first: [Frame]?
  for _ in 0..<2 {
    var frames = FlatArray<Frame>()
    let end = words.withUnsafeBytes {
      core.unwind(registers, StackBytes(start: stack, bytes: $0), space, limit: 4096, into: &frames)
    }
    precondition(end != .depthLimit || frames.elements.count == 4096)
    // Every step takes a word at least, or switches stacks, which is allowed a few times.
    precondition(frames.elements.count <= 10 * (words.count * 8 + 80))
    let found = Array(frames.elements)
    precondition(first == nil || first == found)
    first = found
  }
}
