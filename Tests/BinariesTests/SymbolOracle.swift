import Foundation
import Testing
import TraceModel

@testable import Binaries
@testable import Unwinder

/// Functions and lines as others see them, to compare with: binutils' addr2line and LLVM's symbolizer, which the Swift
/// toolchain brings. Each of them has its errors: addr2line 2.40 names functions of clang's DWARF 5, and what is inlined into a
/// lambda, after the function around.
struct SymbolOracle {
  /// One function at an address.
  struct Scope: Equatable, CustomStringConvertible {
    var name: String
    /// `FILE:LINE`.
    var source: String

    var description: String { "\(name) at \(source)" }
  }

  enum Tool {
    case binutils
    case llvm
  }

  /// Of each address, innermost first.
  static func scopes(at addresses: [UInt64], in file: String, of fixture: Fixture, by tool: Tool = .binutils) throws
    -> [[Scope]]
  {
    try fixture.write("addresses", addresses.map { "0x" + String($0, radix: 16) }.joined(separator: "\n") + "\n")
    let command =
      switch tool {
      case .binutils: "addr2line -a -i -f -C -e \(file)"
      case .llvm: "\(Fixture.llvm)/llvm-symbolizer --output-style=GNU --no-demangle -a -i -f -e \(file)"
      }
    let output = try fixture.run("\(command) < addresses")
    var scopes: [[Scope]] = []
    var name: Substring?
    for line in output.split(separator: "\n") {
      if line.hasPrefix("0x") {
        scopes.append([])
      } else if let found = name {
        let text = String(found)
        // A discriminator may follow.
        let source = line.split(separator: " ").first.map(String.init) ?? ""
        scopes[scopes.count - 1].append(Scope(name: Function.readable(text) ?? text, source: source))
        name = nil
      } else {
        name = line
      }
    }
    try #require(scopes.count == addresses.count)
    return scopes
  }

  /// Whether a symbolizer's frames are these. The symbol table tells more of the function itself: its parameters, and that
  /// it is a part of another.
  static func agree(_ found: [StackFrame], _ expected: [Scope]) -> Bool {
    guard found.map({ shortened($0.source) }) == expected.map({ shortened($0.source) }),
      found.dropLast().map({ $0.symbol ?? "??" }) == expected.dropLast().map(\.name)
    else { return false }
    return (found.last?.symbol ?? "??").hasPrefix(expected.last?.name ?? "")
  }

  /// Without directories; `?` where nothing tells.
  private static func shortened(_ source: String?) -> String {
    let name = source?.split(separator: "/").last.map(String.init) ?? "?"
    return name.hasPrefix("?") || name.hasSuffix(":?") || name.hasSuffix(":0") ? "?" : name
  }
}

extension Fixture {
  /// The directory of the Swift toolchain's LLVM tools, for the shell.
  static let llvm = "$(dirname $(readlink -f $(command -v swiftc)))"

  /// Addresses of the functions in a file, `step` bytes apart.
  func addresses(in file: String, step: UInt64) throws -> [UInt64] {
    var table = try table(file)
    var found: [UInt64] = []
    try table.forEach { function in
      guard function.size > 0 else { return }
      found += stride(from: function.address, to: function.address + function.size, by: Int(step))
    }
    return found
  }

  /// What is at addresses of a file, once `meanwhile` was done to it. `isCut`: whether debug information is left out.
  func frames(
    at addresses: [UInt64], in file: String, finder: DebugFileFinder = DebugFileFinder(roots: []), isCut: Bool? = nil,
    _ meanwhile: () throws -> Void = {}
  ) throws -> [[StackFrame]] {
    let modules = ModuleTable()
    let id = modules.add(ModuleIdentity(path: path(file)), finder: finder)
    let image = try ELFImage(path: path(file))
    let places = addresses.map { address in
      let offset = image.fileOffset(ofAddress: address) ?? 0
      return StackPlace(Frame(code: .instruction(offset), isGuessed: false, module: id, offset: offset))
    }
    try meanwhile()
    var symbolizer = Symbolizer()
    let reference = modules[id]?.reference
    let frames = places.map { symbolizer.frames(of: $0, in: reference) }
    if let isCut {
      let wasCut = symbolizer.isCut
      #expect(wasCut == isCut)
    }
    return frames
  }
}
