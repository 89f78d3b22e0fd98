internal import Binaries
internal import TraceSource

/// The errors of a trigger that is nowhere, in the operator's words.
extension TriggerResolver {
  static func ambiguous(_ symbol: String, _ candidates: [Function], _ file: CodeFile) -> Failure {
    let list = candidates.prefix(8).map { function in
      let source = function.sourceFile.map { " in \($0)" } ?? ""
      return "0x\(String(function.address, radix: 16)) (\(function.displayName)\(source))"
    }
    let more = candidates.count > 8 ? " and \(candidates.count - 8) more" : ""
    return Failure(
      reason:
        "\(candidates.count) functions of \(file.path) are named \(symbol): \(list.joined(separator: ", "))\(more)",
      remedy: "give the address of the one that is meant instead of the name, as up:\(file.path):0xADDRESS")
  }

  static func indirect(_ symbol: String, _ implementations: [String], _ file: CodeFile) -> Failure {
    Failure(
      reason: "\(symbol) of \(file.path) is chosen among several functions when the program starts (an IFUNC), and is "
        + "itself run only then",
      remedy: implementations.isEmpty
        ? "name the implementation that is used" : "name the implementation: \(implementations.joined(separator: ", "))"
    )
  }

  static func unreadable(_ error: ImageError, _ file: CodeFile) -> Failure {
    Failure(reason: "\(error)".replacing(file.link, with: file.path), remedy: "name another file, or none")
  }

  static func ambiguous(_ name: String, _ files: [CodeFile]) -> Failure {
    Failure(
      reason: "\(files.count) files of the target can be meant by \(name): "
        + files.prefix(4).map(\.path).joined(separator: ", "),
      remedy: "give the path of the one that is meant")
  }

  /// The error that no file of that name is there. It names the file that has what is asked for, if there is one.
  func missing<What>(file: String, _ what: What, _ trigger: (String, What) -> String) -> Failure {
    var remedy =
      "`kdelay-ftrace list -p PID` shows the files; one that is loaded later needs its path, as up:/PATH:FUNCTION"
    if let function = what as? UserFunction, let other = self.file(defining: function.symbol) {
      remedy = "\(other.path) has \(function.symbol): \(trigger(other.path, what))"
    }
    return Failure(reason: "the target has no file \(file) mapped", remedy: remedy)
  }

  func missing(_ symbol: String, _ nearest: [String], _ files: [CodeFile]) -> Failure {
    let place = Self.place(files)
    if files.count == 1, files != [code.executable], let other = file(defining: symbol), other != files[0] {
      return Failure(
        reason: "there is no function \(symbol) in \(place)",
        remedy: "\(other.path), which the target has mapped, has it: up:\(other.path):\(symbol)")
    }
    let names = Set(nearest).count > 0 ? "; the nearest are \(nearest.prefix(3).joined(separator: ", "))" : ""
    let later = files.count == 1 ? "" : "; of a library that is loaded later say which, as up:/PATH:\(symbol)"
    return Failure(
      reason: "there is no function \(symbol) in \(place)\(names)",
      remedy: "`kdelay-ftrace list -p PID 'up:*'` shows the functions that there are\(later)")
  }

  /// The first file of the target that others take a function of this name from.
  private func file(defining symbol: String) -> CodeFile? {
    guard !symbol.hasPrefix("0x") else { return nil }
    return ([code.executable] + code.libraries).first { file in
      guard var functions = try? FunctionTable(file, roots: code.roots), let found = try? functions.find(symbol) else {
        return false
      }
      if case .missing = found { return false }
      return true
    }
  }

  func missing(_ wanted: USDTName, _ known: [USDTProbe], _ files: [CodeFile]) -> Failure {
    let place = Self.place(files)
    let remedy = "`kdelay-ftrace list -p PID 'u:*'` shows the probes that there are"
    if known.isEmpty { return Failure(reason: "there is no USDT probe at all in \(place)", remedy: remedy) }
    let own = known.filter { $0.provider == wanted.provider }.map(\.name)
    if own.isEmpty {
      let providers = Set(known.map(\.provider)).sorted().joined(separator: ", ")
      return Failure(
        reason: "there is no USDT provider \(wanted.provider) in \(place), but \(providers)", remedy: remedy)
    }
    let names = own.sorted().prefix(8).joined(separator: ", ") + (own.count > 8 ? ", …" : "")
    return Failure(
      reason: "there is no USDT probe \(wanted.probe) of provider \(wanted.provider) in \(place); it has \(names)",
      remedy: remedy)
  }

  private static func place(_ files: [CodeFile]) -> String {
    files.count == 1 ? files[0].path : "\(files[0].path) or its \(files.count - 1) libraries"
  }
}
