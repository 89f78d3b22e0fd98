internal import TraceSource
internal import Unwinder

/// Finds out where in the kernel, or in which file of the target, a trigger is.
struct TriggerResolver: ~Copyable {
  /// Why there is no such place.
  struct Failure: Error {
    var reason: String
    var remedy: String
  }

  private var code: TargetCode

  init(_ code: consuming TargetCode) { self.code = code }

  mutating func resolve(_ spec: TriggerSpec) throws(Failure) -> TriggerProbe {
    switch spec {
    case .tracepoint(let system, let event, let filter):
      return .tracepoint(EventName(system, event), filter: filter)
    case .kernelFunction(let function, let isReturn):
      return .kernelFunction(function, isReturn: isReturn)
    case .userFunction(let path, let symbol, let offset, let isReturn):
      return try userFunction(symbol, offset, isReturn, in: try files(path))
    case .usdt(let path, let provider, let probe):
      return .userSites(try usdtSites(provider, probe, in: try files(path)), isReturn: false)
    }
  }

  /// Where to look: the file that is named, or the program and then its libraries.
  private mutating func files(_ path: String?) throws(Failure) -> [CodeFile] {
    guard let path else { return [code.executable] + code.libraries }
    do { return [try code.file(at: path)] } catch {
      throw Failure(
        reason: "cannot open \(path) as the target sees it: \(error)",
        remedy: "`kdelay-ftrace list -p PID` shows the files of a running target")
    }
  }

  // MARK: Functions

  private func userFunction(
    _ symbol: String, _ offset: UInt64, _ isReturn: Bool, in files: [CodeFile]
  ) throws(Failure) -> TriggerProbe {
    var nearest: [String] = []
    for (position, file) in files.enumerated() {
      // An address by itself means the program, or the file that is named.
      if position > 0, symbol.hasPrefix("0x") { break }
      var functions: FunctionTable
      do { functions = try FunctionTable(file, roots: code.roots) } catch {
        // A library that cannot be read is not the one, unless it is asked for.
        if position > 0 { continue }
        throw Self.unreadable(error, file)
      }
      do {
        switch try functions.find(symbol) {
        case .function(let function):
          return .userSites(
            [try site(function, offset, isReturn, in: functions.image, file)], isReturn: isReturn)
        case .ambiguous(let candidates): throw Self.ambiguous(symbol, candidates, file)
        case .indirect(_, let implementations): throw Self.indirect(symbol, implementations, file)
        case .missing(let names): nearest += names
        }
      } catch let failure as Failure {
        throw failure
      } catch let error as ImageError {
        if position == 0 { throw Self.unreadable(error, file) }
      } catch { continue }
    }
    throw Self.missing(symbol, nearest, files)
  }

  private func site(
    _ function: Function, _ offset: UInt64, _ isReturn: Bool, in image: borrowing ELFImage, _ file: CodeFile
  ) throws(Failure) -> UserProbeSite {
    guard function.size == 0 || offset < function.size else {
      throw Failure(
        reason: "\(function.displayName) in \(file.path) has \(function.size) bytes, so that +\(offset) is outside it",
        remedy: "choose the address of one of its instructions; `objdump -d` shows them")
    }
    guard let position = image.fileOffset(ofAddress: function.address + offset) else {
      throw Failure(
        reason: "\(function.displayName) in \(file.path) lies in no executable segment", remedy: "choose a function")
    }
    return UserProbeSite(path: file.link, offset: position, isShared: code.isShared(file))
  }

  private static func ambiguous(_ symbol: String, _ candidates: [Function], _ file: CodeFile) -> Failure {
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

  private static func indirect(_ symbol: String, _ implementations: [String], _ file: CodeFile) -> Failure {
    Failure(
      reason: "\(symbol) of \(file.path) is chosen among several functions when the program starts (an IFUNC), and is "
        + "itself run only then",
      remedy: implementations.isEmpty
        ? "name the implementation that is used" : "name the implementation: \(implementations.joined(separator: ", "))"
    )
  }

  private static func missing(_ symbol: String, _ nearest: [String], _ files: [CodeFile]) -> Failure {
    let place = files.count == 1 ? files[0].path : "\(files[0].path) or its \(files.count - 1) libraries"
    let names = Set(nearest).count > 0 ? "; the nearest are \(nearest.prefix(3).joined(separator: ", "))" : ""
    return Failure(
      reason: "there is no function \(symbol) in \(place)\(names)",
      remedy: "`kdelay-ftrace list -p PID 'up:*'` shows the functions that there are")
  }

  private static func unreadable(_ error: ImageError, _ file: CodeFile) -> Failure {
    Failure(reason: "\(error)".replacing(file.link, with: file.path), remedy: "name another file, or none")
  }

  // MARK: USDT

  private func usdtSites(
    _ provider: String, _ name: String, in files: [CodeFile]
  ) throws(Failure) -> [UserProbeSite] {
    var known: [USDTProbe] = []
    for (position, file) in files.enumerated() {
      let probes: [USDTProbe]
      do { probes = try ELFImage(path: file.link).usdtProbes } catch {
        if position > 0 { continue }
        throw Self.unreadable(error, file)
      }
      known += probes
      guard let probe = probes.first(where: { $0.provider == provider && $0.name == name }) else { continue }
      let isShared = code.isShared(file)
      return probe.sites.map {
        UserProbeSite(
          path: file.link, offset: $0.fileOffset, semaphoreOffset: $0.semaphoreFileOffset, isShared: isShared)
      }
    }
    throw Self.missing(provider, name, known, files)
  }

  private static func missing(
    _ provider: String, _ name: String, _ known: [USDTProbe], _ files: [CodeFile]
  ) -> Failure {
    let place = files.count == 1 ? files[0].path : "\(files[0].path) or its \(files.count - 1) libraries"
    let remedy = "`kdelay-ftrace list -p PID 'u:*'` shows the probes that there are"
    if known.isEmpty { return Failure(reason: "there is no USDT probe at all in \(place)", remedy: remedy) }
    let own = known.filter { $0.provider == provider }.map(\.name)
    if own.isEmpty {
      let providers = Set(known.map(\.provider)).sorted().joined(separator: ", ")
      return Failure(reason: "there is no USDT provider \(provider) in \(place), but \(providers)", remedy: remedy)
    }
    let names = own.sorted().prefix(8).joined(separator: ", ") + (own.count > 8 ? ", …" : "")
    return Failure(
      reason: "there is no USDT probe \(name) of provider \(provider) in \(place); it has \(names)", remedy: remedy)
  }
}

extension FunctionTable {
  /// The functions of a file of the target's, whose separate debug files are below `roots`.
  init(_ file: CodeFile, roots: [String]) throws(ImageError) {
    self.init(of: try ELFImage(path: file.link), finder: DebugFileFinder(roots: roots, knownAs: file.path))
  }
}
