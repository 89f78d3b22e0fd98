internal import Binaries
internal import Disassembler
internal import TraceSource

/// Decides where exactly in a function a probe goes, so that it does no harm to the target and fires at all.
struct ProbePlanner {
  /// How a function's returns are seen.
  enum Returns {
    /// Probes stand at the function's `ret` instructions; nothing on its stack is changed.
    case instructions([UInt64])
    /// A probe waits at the function's return address. `cause` says why the `ret` instructions do not do.
    case address(cause: String)
  }

  /// A function with more `ret` instructions than this gets a return probe: each is a probe of its own.
  private static let returnLimit = 512

  /// The most nops in a row that a probe passes. Each is one more place that nothing may jump to.
  private static let nopLimit = 4

  /// Whether the operator accepts that the target may be harmed (`--force`).
  let isForced: Bool
  /// What the operator should know of the places that were chosen, a sentence each.
  private(set) var warnings: [String] = []

  /// The function that was decoded last: the sites of a USDT probe are mostly next to each other.
  private var decoded: (path: String, function: TargetFunction)?

  init(isForced: Bool) { self.isForced = isForced }

  mutating func warn(_ text: String) {
    if !warnings.contains(text) { warnings.append(text) }
  }

  // MARK: One instruction

  /// Where a probe of the instruction at `address` goes. `symbol` is the function that begins there as its symbol says; nil
  /// for another place. `name` is for messages.
  mutating func place(
    at address: UInt64, symbol: Function?, name: String, in functions: inout FunctionTable
  ) throws(TriggerResolver.Failure) -> UInt64 {
    guard let set = InstructionSet(functions.image.abi),
      let bytes = functions.image.loadedBytes(at: address, count: 15)
    else { return address }
    let rules = UprobeRules(set)
    let isNop = rules.mayBecomeCall(bytes)
    // A type and a size are a function's; without them a symbol may be a label in the middle of one.
    let isFunction = symbol.map { $0.kind == .function && $0.size > 0 } ?? false
    let function = isFunction && !isNop ? nil : function(at: address, &functions)
    let begins = function?.code.parts[0].address == address
    if !isFunction, symbol == nil || !begins { try checkStart(of: address, function, name) }
    if let refusal = rules.refusal(of: bytes) { throw Self.refused(refusal, name) }
    guard isNop else { return address }
    // Below the stack pointer of a function that begins lies nothing yet.
    if isFunction, begins, let function, !function.code.targets.contains(address) { return address }
    guard let function else {
      return try forced(address, "the function around it is not known, whose variables may lie there", name)
    }
    switch behind(address, function, rules, &functions) {
    case .success(let next): return next
    case .failure(let obstacle): return try forced(address, obstacle.text, name)
    }
  }

  /// Where a probe of a USDT site goes: the compiler put an instruction there for it.
  mutating func place(
    ofUSDT site: USDTSite, name: String, in functions: inout FunctionTable
  ) throws(TriggerResolver.Failure) -> UInt64 {
    guard let set = InstructionSet(functions.image.abi),
      let bytes = functions.image.loadedBytes(at: site.address, count: 15)
    else { return site.address }
    let rules = UprobeRules(set)
    // Mostly it is a nop of one byte, and nothing more needs to be known.
    if rules.mayBecomeCall(bytes) { return try place(at: site.address, symbol: nil, name: name, in: &functions) }
    if let refusal = rules.refusal(of: bytes) { throw Self.refused(refusal, name) }
    return site.address
  }

  private mutating func function(at address: UInt64, _ functions: inout FunctionTable) -> TargetFunction? {
    guard let range = try? functions.code(containing: address) else { return nil }
    let path = functions.image.path
    if let decoded, decoded.path == path, decoded.function.code.parts[0].range == range { return decoded.function }
    guard let found = (try? TargetFunction(containing: address, in: &functions)) ?? nil else { return nil }
    decoded = (path, found)
    return found
  }

  private mutating func checkStart(
    of address: UInt64, _ function: TargetFunction?, _ name: String
  ) throws(TriggerResolver.Failure) {
    if function?.code.instruction(at: address) != nil { return }
    if let around = function?.code.instruction(containing: address) {
      throw TriggerResolver.Failure(
        reason:
          "\(name) is \(address - around.address) bytes inside of an instruction of \(around.length) bytes, which a "
          + "probe there would break",
        remedy: "choose the address of one of its instructions; `objdump -d` shows them")
    }
    let cause = "\(name) cannot be shown to be the start of an instruction, and inside of one a probe breaks the target"
    guard isForced else {
      throw TriggerResolver.Failure(
        reason: cause, remedy: "--force sets it nevertheless; `objdump -d` shows instructions")
    }
    warn(cause)
  }

  private struct Obstacle: Error {
    var text: String
  }

  /// The instruction behind a nop that may become a call, if whoever comes there came past the nop.
  private func behind(
    _ address: UInt64, _ function: TargetFunction, _ rules: UprobeRules, _ functions: inout FunctionTable
  ) -> Result<UInt64, Obstacle> {
    let code = function.code
    guard code.isComplete else { return .failure(Obstacle(text: "the function's code is not understood")) }
    if let jump = code.unresolvedJumps.first {
      return .failure(Obstacle(text: "a computed jump, at 0x\(String(jump, radix: 16)), may lead behind it"))
    }
    var places: [UInt64] = []
    var place = address
    repeat {
      guard places.count < Self.nopLimit else { return .failure(Obstacle(text: "many more follow it")) }
      guard let nop = code.instruction(at: place), let next = code.instruction(at: nop.end) else {
        return .failure(Obstacle(text: "nothing of the function is behind it"))
      }
      guard let bytes = functions.image.loadedBytes(at: next.address, count: 15), rules.refusal(of: bytes) == nil else {
        return .failure(Obstacle(text: "the kernel puts no probe at the instruction behind it"))
      }
      place = next.address
      places.append(place)
      if !rules.mayBecomeCall(bytes) { break }
    } while true
    // All of the file's code is searched for what jumps there, once.
    let isEntered = (try? function.isEntered(at: places[0]...place, in: &functions)) ?? true
    guard !isEntered, !places.contains(where: code.targets.contains) else {
      return .failure(Obstacle(text: "a jump leads behind it"))
    }
    return .success(place)
  }

  /// Returns the place itself, where a probe may harm the target, if the operator wants that.
  private mutating func forced(
    _ address: UInt64, _ obstacle: String, _ name: String
  ) throws(TriggerResolver.Failure) -> UInt64 {
    let cause =
      "\(name) is a nop of 5 bytes, which Linux 6.18 and later replace by a call that overwrites what lies below the stack pointer; "
      + obstacle
    guard isForced else {
      throw TriggerResolver.Failure(
        reason: cause,
        remedy: "choose another place; --force sets it nevertheless, and the target may compute wrong results")
    }
    warn(cause)
    return address
  }

  private static func refused(_ refusal: UprobeRules.Refusal, _ name: String) -> TriggerResolver.Failure {
    let what =
      switch refusal {
      case .unknown: "there is no instruction"
      case .prefix(let prefix): "the instruction there has a \(prefix) prefix"
      case .instruction(let instruction): "the instruction there is \(instruction)"
      }
    return TriggerResolver.Failure(
      reason: "the kernel can put no probe at \(name): \(what)", remedy: "choose an instruction before or behind it")
  }

  // MARK: Returns

  /// Decides how returns of `function` are seen.
  mutating func returns(
    of function: Function, _ file: CodeFile, in functions: inout FunctionTable
  ) throws(TriggerResolver.Failure) -> Returns {
    guard let found = self.function(at: function.address, &functions) else {
      return .address(cause: "its code is not understood")
    }
    // The kernel would take whatever lies on top of the stack there for the return address.
    guard found.code.parts[0].address == function.address, !TargetFunction.isPart(function.name) else {
      throw TriggerResolver.Failure(
        reason: "\(function.displayName) in \(file.path) is a place inside of a function, from which nothing returns",
        remedy: "choose the function around it, or up:\(function.name) for the place itself")
    }
    if let cause = obstacle(found, &functions) { return .address(cause: cause) }
    guard !found.code.returns.isEmpty else {
      throw TriggerResolver.Failure(
        reason:
          "\(function.displayName) in \(file.path) never returns: it has no ret instruction, and nothing leaves it by a jump",
        remedy: "choose another function, or up:\(function.name) for its start")
    }
    return .instructions(found.code.returns)
  }

  private static func text(_ way: FunctionCode.OtherWayOut) -> String {
    switch way {
    case .notUnderstood: "its code is not understood"
    case .jump(let target): "it leaves by a jump, to 0x\(String(target, radix: 16))"
    case .computedJump(let jump): "it may leave by a computed jump, at 0x\(String(jump, radix: 16))"
    case .irregularEnd: "it does not end as compilers end functions"
    }
  }

  /// Why not every return is seen at the function's `ret` instructions; nil if it is.
  private func obstacle(_ function: TargetFunction, _ functions: inout FunctionTable) -> String? {
    let code = function.code
    if let other = code.otherWayOut { return Self.text(other) }
    guard code.returns.count <= Self.returnLimit else { return "it has \(code.returns.count) ret instructions" }
    let rules = UprobeRules(function.instructions)
    for address in code.returns {
      guard let bytes = functions.image.loadedBytes(at: address, count: 15), rules.refusal(of: bytes) == nil else {
        return "the kernel puts no probe at one of its ret instructions"
      }
    }
    for (number, part) in code.parts.enumerated() where part.bytes.count > 1 {
      // Its own start is where it is called.
      let inside = (number == 0 ? part.address + 1 : part.address)..<part.end
      let isShared = (try? functions.hasFunction(at: (part.address + 1)..<part.end)) ?? true
      let isEntered = (try? function.isEntered(at: inside.lowerBound...part.end - 1, in: &functions)) ?? true
      if isShared || isEntered { return "other code enters it behind its start" }
    }
    return nil
  }
}
