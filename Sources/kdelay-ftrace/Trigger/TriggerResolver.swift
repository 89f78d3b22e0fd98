internal import Binaries
internal import TraceFormat
internal import TraceSource

/// Finds out where in the kernel, or in which file of the target, a trigger is.
struct TriggerResolver: ~Copyable {
  /// Why a trigger is nowhere, and what the operator can do about it.
  struct Failure: Error {
    var reason: String
    var remedy: String
  }

  private(set) var code: TargetCode
  private var planner: ProbePlanner

  /// `isForced` says that the operator accepts that the target may be harmed.
  init(_ code: consuming TargetCode, isForced: Bool) {
    self.code = code
    planner = ProbePlanner(isForced: isForced)
  }

  /// What the operator should know of the triggers that were found, a sentence each.
  var warnings: [String] { planner.warnings }

  mutating func resolve(_ spec: TriggerSpec) throws(Failure) -> TriggerProbe {
    switch spec {
    case .tracepoint(let system, let event, let filter):
      return .tracepoint(EventName(system, event), filter: filter)
    case .kernelFunction(let function, let isReturn):
      return .kernelFunction(function, isReturn: isReturn)
    case .userFunction(let place, let isReturn):
      let (function, files) = try files(place) { "up:\($0):\($1.symbol)" }
      return try userFunction(function, isReturn, in: files)
    case .usdt(let place):
      let (probe, files) = try files(place) { "u:\($0):\($1.provider):\($1.probe)" }
      return .userSites(try usdtSites(probe, in: files), isReturn: false)
    }
  }

  /// The files to look in, and what to look for: the file that is named, or the program and then its libraries.
  private mutating func files<What>(
    _ place: UserPlace<What>, _ trigger: (String, What) -> String
  ) throws(Failure) -> (What, [CodeFile]) {
    var unopened: (path: String, error: any Error)?
    for reading in place.readings {
      guard let name = reading.file else {
        // `libx.so.1:f` is a library's function even where there is no such library.
        if let file = place.readings.dropLast().first?.file, file.contains("/") || file.contains(".so") {
          throw missing(file: file, place.readings[0].what, trigger)
        }
        return (reading.what, [code.executable] + code.libraries)
      }
      guard name.hasPrefix("/") else {
        let found = code.files(named: name)
        if found.count > 1 { throw Self.ambiguous(name, found) }
        if let file = found.first { return (reading.what, [file]) }
        continue
      }
      // The shortest one that cannot be opened is what was most probably meant.
      do { return (reading.what, [try code.file(at: name)]) } catch { unopened = (name, error) }
    }
    if let (path, error) = unopened {
      throw Failure(
        reason: "cannot open \(path) as the target sees it: \(error)",
        remedy: "`kdelay-ftrace list -p PID` shows the files of a running target")
    }
    throw missing(file: place.readings[0].file ?? "", place.readings[0].what, trigger)
  }

  // MARK: Functions

  private mutating func userFunction(
    _ wanted: UserFunction, _ isReturn: Bool, in files: [CodeFile]
  ) throws(Failure) -> TriggerProbe {
    var nearest: [String] = []
    for (position, file) in files.enumerated() {
      // An address by itself means the program, or the file that is named.
      if position > 0, wanted.symbol.hasPrefix("0x") { break }
      var functions: FunctionTable
      do { functions = try FunctionTable(file, roots: code.roots) } catch {
        // A library that cannot be read is not the one, unless it is asked for.
        if position > 0 { continue }
        throw Self.unreadable(error, file)
      }
      do {
        switch try functions.find(wanted.symbol) {
        case .function(let function):
          if isReturn { return try returnProbe(function, in: &functions, file) }
          return .userSites([try site(function, wanted.offset, in: &functions, file)], isReturn: false)
        case .ambiguous(let candidates): throw Self.ambiguous(wanted.symbol, candidates, file)
        case .indirect(_, let implementations): throw Self.indirect(wanted.symbol, implementations, file)
        case .missing(let names): nearest += names
        }
      } catch let failure as Failure {
        throw failure
      } catch let error as ImageError {
        if position == 0 { throw Self.unreadable(error, file) }
      } catch { continue }
    }
    throw missing(wanted.symbol, nearest, files)
  }

  private mutating func site(
    _ function: Function, _ offset: UInt64, in functions: inout FunctionTable, _ file: CodeFile
  ) throws(Failure) -> UserProbeSite {
    guard function.size == 0 || offset < function.size else {
      throw Failure(
        reason: "\(function.displayName) in \(file.path) has \(function.size) bytes, so that +\(offset) is outside it",
        remedy: "choose the address of one of its instructions; `objdump -d` shows them")
    }
    let isEntry = offset == 0 && function.kind != .address && !TargetFunction.isPart(function.name)
    let symbol = isEntry ? function : nil
    let name = "\(function.displayName)\(offset == 0 ? "" : "+\(offset)") in \(file.path)"
    let address = try planner.place(at: function.address &+ offset, symbol: symbol, name: name, in: &functions)
    let site = try site(at: address, function, functions.image, file)
    try check([site], file, name)
    return site
  }

  private func site(
    at address: UInt64, _ function: Function, _ image: borrowing ELFImage, _ file: CodeFile
  ) throws(Failure) -> UserProbeSite {
    guard let position = image.fileOffset(ofAddress: address) else {
      throw Failure(
        reason: "\(function.displayName) in \(file.path) lies in no executable segment", remedy: "choose a function")
    }
    return UserProbeSite(path: file.link, offset: position, isShared: code.isShared(file))
  }

  /// The probe of a function's return: at all of its `ret` instructions, or, where it has other ways out, at its return
  /// address.
  private mutating func returnProbe(
    _ function: Function, in functions: inout FunctionTable, _ file: CodeFile
  ) throws(Failure) -> TriggerProbe {
    let name = "\(function.displayName) in \(file.path)"
    let addresses: [UInt64]
    let isReturn: Bool
    switch try planner.returns(of: function, file, in: &functions) {
    case .instructions(let returns): (addresses, isReturn) = (returns, false)
    case .address(let cause):
      try checkHarm(to: function, name, cause, &functions, file)
      addresses = [try planner.place(at: function.address, symbol: function, name: name, in: &functions)]
      isReturn = true
    }
    var sites: [UserProbeSite] = []
    for address in addresses { sites.append(try site(at: address, function, functions.image, file)) }
    try check(sites, file, name)
    return .userSites(sites, isReturn: isReturn)
  }

  /// Refuses a return probe that would end the target, and warns of one that may.
  private mutating func checkHarm(
    to function: Function, _ name: String, _ cause: String, _ functions: inout FunctionTable, _ file: CodeFile
  ) throws(Failure) {
    let means = "the return of \(name) can be seen at its return address alone, as \(cause)"
    let unwinding = ReturnHarm.unwinding(in: &functions)
    let cause: String? =
      if let language = ReturnHarm.language(of: function, in: &functions) {
        "its program reads its own stack (\(language)) and ends where it finds the probe's address there"
      } else {
        unwinding.isEmpty ? nil : unwinding.joined(separator: "; ")
      }
    if let cause {
      let harm = "\(means); \(cause)"
      guard planner.isForced else {
        throw Failure(
          reason: harm, remedy: "choose another function or up:FUNCTION+OFFSET; --force sets it nevertheless")
      }
      planner.warn(harm)
    }
    let others = ([code.executable] + code.libraries).filter { $0.link != file.link }
    let more = ReturnHarm.unwinding(in: others).filter { !unwinding.contains($0) }
    // Code of another file runs below this function only if it is called from there.
    guard !more.isEmpty else { return }
    planner.warn("\(means), and other files of the program can do harm: \(more.joined(separator: "; "))")
  }

  /// Refuses what cannot fire in the running target, and warns of what cannot fire yet.
  private mutating func check(_ sites: [UserProbeSite], _ file: CodeFile, _ name: String) throws(Failure) {
    let presence = code.presence(of: file)
    let presences = sites.compactMap { presence($0.offset) }
    guard presences.count == sites.count, let worst = presences.first(where: { $0 != .mapped }) else { return }
    let cause: String
    switch worst {
    case .mapped: return
    case .absent:
      return planner.warn("the target has not mapped \(file.path) as code: \(name) fires once it has")
    case .copied: cause = "the target runs a copy of that code in memory of its own, where the kernel puts no probe"
    case .unmapped: cause = "the target has that part of the file not mapped as code"
    case .unprobeable(let kind): cause = "the target has the code mapped \(kind), where the kernel puts no probe"
    }
    guard presences.contains(.mapped) else {
      throw Failure(
        reason: "\(name) cannot fire: \(cause)", remedy: "choose another function, or start the program without that")
    }
    planner.warn("\(name) does not fire at all of its places: \(cause)")
  }

  // MARK: USDT

  private mutating func usdtSites(_ wanted: USDTName, in files: [CodeFile]) throws(Failure) -> [UserProbeSite] {
    var known: [USDTProbe] = []
    for (position, file) in files.enumerated() {
      let probes: [USDTProbe]
      do { probes = try ELFImage(path: file.link).usdtProbes } catch {
        if position > 0 { continue }
        throw Self.unreadable(error, file)
      }
      known += probes
      guard let probe = probes.first(where: { $0.provider == wanted.provider && $0.name == wanted.probe }) else {
        continue
      }
      var functions: FunctionTable
      do { functions = try FunctionTable(file, roots: code.roots) } catch { throw Self.unreadable(error, file) }
      return try usdtSites(probe, &functions, file)
    }
    throw missing(wanted, known, files)
  }

  private mutating func usdtSites(
    _ probe: USDTProbe, _ functions: inout FunctionTable, _ file: CodeFile
  ) throws(Failure) -> [UserProbeSite] {
    let isShared = code.isShared(file)
    var sites: [UserProbeSite] = []
    for site in probe.sites {
      let name = "the probe \(probe.provider):\(probe.name) at 0x\(String(site.address, radix: 16)) in \(file.path)"
      let address = try planner.place(ofUSDT: site, name: name, in: &functions)
      guard let offset = functions.image.fileOffset(ofAddress: address) else { continue }
      sites.append(
        UserProbeSite(
          path: file.link, offset: offset, semaphoreOffset: site.semaphoreFileOffset, isShared: isShared))
    }
    try check(sites, file, "the probe \(probe.provider):\(probe.name) in \(file.path)")
    return sites
  }
}

extension FunctionTable {
  /// The functions of one of the target's files, whose separate debug files are below `roots`.
  init(_ file: CodeFile, roots: [String]) throws(ImageError) {
    self.init(of: try ELFImage(path: file.link), finder: DebugFileFinder(roots: roots, knownAs: file.path))
  }
}
