internal import Binaries
internal import Disassembler
internal import TraceModel

/// A function of one of the target's files, by which a probe's place is judged: its instructions, and what jumps to them.
struct TargetFunction {
  /// The most possible jumps of other code that are looked at one by one. If there are more, they count as real.
  private static let candidateLimit = 64
  /// How many bytes of code are read at once.
  private static let chunk = 4 << 20
  /// The most bytes of code that are searched for jumps. In a program with more, every place counts as jumped to.
  private static let codeLimit: UInt64 = 1 << 30

  let instructions: InstructionSet
  let code: FunctionCode

  /// The function that `address` is in. Nil where the machine's instructions are not decoded, or no function is known there.
  init?(containing address: UInt64, in functions: inout FunctionTable) throws(ImageError) {
    guard let set = InstructionSet(functions.image.abi), let range = try functions.code(containing: address),
      let first = Self.part(range, functions.image)
    else { return nil }
    instructions = set
    var parts = [first]
    var code = Self.decode(parts, set, functions.image)
    // Parts that are seldom run lie elsewhere, and have a symbol of their own.
    while parts.count < 16, code.isComplete,
      let next = try Self.nextPart(of: code, &functions), let part = Self.part(next, functions.image)
    {
      parts.append(part)
      code = Self.decode(parts, set, functions.image)
    }
    self.code = code
  }

  private static func part(_ range: Range<UInt64>, _ image: borrowing ELFImage) -> CodePart? {
    // A hostile size does not fit in Int.
    let size = range.upperBound - range.lowerBound
    guard size <= UInt64(FunctionCode.limit), let bytes = image.loadedBytes(at: range.lowerBound, count: Int(size)),
      bytes.count == Int(size)
    else { return nil }
    return CodePart(address: range.lowerBound, bytes: bytes)
  }

  private static func decode(_ parts: [CodePart], _ set: InstructionSet, _ image: borrowing ELFImage) -> FunctionCode {
    FunctionCode(parts, set) { image.loadedBytes(at: $0, count: $1) }
  }

  private static func nextPart(
    of code: FunctionCode, _ functions: inout FunctionTable
  ) throws(ImageError) -> Range<UInt64>? {
    for target in code.outsideTargets {
      guard let range = try functions.code(containing: target) else { continue }
      let name = try functions.function(containing: target)?.name
      // Without a symbol, the call frame information tells.
      if name.map(isPart) ?? functions.isInsideFrame(target) { return range }
    }
    return nil
  }

  /// Whether a name is one that compilers give to what they split off a function (GCC's and LLVM's `.cold`, BOLT's `.warm`).
  static func isPart(_ name: String) -> Bool {
    [".cold", ".warm"].contains { name.hasSuffix($0) || name.contains($0 + ".") }
  }

  // MARK: What jumps there

  /// Whether code outside of the function may jump or call to one of `places` in it.
  func isEntered(at places: ClosedRange<UInt64>, in functions: inout FunctionTable) throws(ImageError) -> Bool {
    let scan = BranchScan(to: places)
    var candidates: [UInt64] = []
    let ranges = functions.image.codeRanges
    guard let size = functions.image.codeSize, size <= Self.codeLimit else { return true }
    for range in ranges {
      var start = range.lowerBound
      while start < range.upperBound {
        let count = min(Self.chunk, Int(range.upperBound - start))
        guard let bytes = functions.image.loadedBytes(at: start, count: count), !bytes.isEmpty else { break }
        candidates += bytes.withUnsafeBytes { scan.branches(in: $0, start: start) }.filter { !code.contains($0) }
        guard candidates.count <= Self.candidateLimit else { return true }
        guard bytes.count > BranchScan.overlap, start + UInt64(bytes.count) < range.upperBound else { break }
        start += UInt64(bytes.count - BranchScan.overlap)
      }
    }
    for candidate in candidates {
      if try isInstruction(candidate, reaching: places, &functions) { return true }
    }
    return false
  }

  /// Whether an instruction begins at `address` that jumps to one of `places`. What cannot be decoded counts as one.
  private func isInstruction(
    _ address: UInt64, reaching places: ClosedRange<UInt64>, _ functions: inout FunctionTable
  ) throws(ImageError) -> Bool {
    guard let range = try functions.code(containing: address), let part = Self.part(range, functions.image) else {
      return true
    }
    let around = FunctionCode([part], instructions) { _, _ in nil }
    guard let last = around.instructions.last, address < last.end else { return true }
    switch around.instruction(at: address)?.flow {
    case .jump(let target, _), .call(let target?): return places.contains(target)
    default: return false
    }
  }
}

extension InstructionSet {
  /// The instructions of an ABI's machine; nil where its code is not decoded.
  init?(_ abi: SyscallABI) {
    switch abi {
    case .x86_64: self = .x86_64
    case .i386: self = .i386
    case .arm64, .arm, .s390x, .ppc64, .riscv64, .other: return nil
    }
  }
}
