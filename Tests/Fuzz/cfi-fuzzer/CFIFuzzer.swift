internal import FuzzDriver
internal import TraceModel

@testable import Unwinder

// The first byte chooses what the rest is taken for: an expression, `.eh_frame`, `.debug_frame`, or `.eh_frame_hdr` in
// front of `.eh_frame`. Nothing may crash, hang or grow.

@_cdecl("cfi_fuzzer_main")
func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  var count = count
  var arguments = arguments
  return runFuzzer(&count, &arguments) { fuzzOneInput($0, $1) }
}

func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var input = FuzzInput(start, count)
  switch input.next(UInt8.self) % 4 {
  case 0: evaluate(&input)
  case 1: read(FrameSection(kind: .ehFrame, data: SectionBytes(Array(input.rest)), address: 0x2000, is64Bit: true))
  case 2: read(FrameSection(kind: .debugFrame, data: SectionBytes(Array(input.rest)), address: 0, is64Bit: true))
  default:
    let header = SectionBytes(input.take(Int(input.next(UInt8.self))))
    let section = FrameSection(kind: .ehFrame, data: SectionBytes(Array(input.rest)), address: 0x2000, is64Bit: true)
    guard let index = FrameIndex(of: section, header: header, at: 0x1000) else { return 0 }
    lookUp(in: index, section)
  }
  return 0
}

private func evaluate(_ input: inout FuzzInput) {
  let known = input.next(UInt64.self)
  var operations = FrameBudget.operationsPerStack
  let registers = [UInt64](repeating: 0x1000, count: CFIRow.columns)
  let data = SectionBytes(Array(input.rest))
  registers.withUnsafeBufferPointer { registers in
    guard let base = registers.baseAddress else { return }
    // The expression is its own stack too.
    data.bytes.withUnsafeBytes { bytes in
      let context = Expression.Context(
        registers: base, known: known, stack: StackBytes(start: 0x1000, bytes: bytes), bias: 0x40)
      _ = try? Expression.evaluate(data, 0..<data.count, initial: known, context, operations: &operations)
    }
  }
}

private func read(_ section: FrameSection) {
  let index = FrameIndex(scanning: section)
  precondition(index.count <= section.data.count / 8)
  lookUp(in: index, section)
}

/// The rows of the first descriptions, at their first and last byte and in between.
private func lookUp(in index: FrameIndex, _ section: FrameSection) {
  var budget = FrameBudget()
  var offset = 0
  for _ in 0..<32 {
    guard let (entry, next) = try? section.entry(at: offset), next > offset else { break }
    offset = next
    guard case .description(let description) = entry else { continue }
    let code = description.code
    for address in [code.lowerBound, code.lowerBound + (code.upperBound - code.lowerBound) / 2, code.upperBound - 1] {
      guard let found = try? index.description(containing: address),
        let row = try? CFIProgram.row(for: address, found, section, &budget)
      else { continue }
      precondition(found.code.contains(address) && row.code.contains(address))
      _ = UnwindRule(row, for: X86_64.self)
      _ = UnwindRule(row, for: ARM64.self)
    }
  }
}
