internal import Binaries
internal import Disassembler
internal import TraceSource

/// The USDT probes and functions of the target's program and libraries.
struct UserCatalogue: ~Copyable {
  private let code: TargetCode
  private let filter: ListFilter

  init(_ target: TargetProcess, _ filter: ListFilter) {
    code = TargetCode(of: target)
    self.filter = filter
  }

  /// Passes all entries on: the probes first, then the functions; of each the program's, then the libraries' in the order
  /// in which they are mapped.
  func forEach(_ body: (ListEntry) throws -> Void) throws {
    let files = [(path: String?.none, file: code.executable)] + code.libraries.map { ($0.path, $0) }
    if filter.admits(.usdt) {
      for (path, file) in files {
        guard let image = try? ELFImage(path: file.link), let probes = try? image.usdtProbes else { continue }
        for probe in probes.sorted(by: { ($0.provider, $0.name) < ($1.provider, $1.name) }) {
          try body(ListEntry(kind: .usdt, path: path, name: "\(probe.provider):\(probe.name)"))
        }
      }
    }
    guard filter.admits(.userFunction) else { return }
    for (path, file) in files {
      guard var functions = try? FunctionTable(file, roots: code.roots) else { continue }
      var known: [Function] = []
      try? functions.forEach { known.append($0) }
      for entry in entries(known, path, functions.image, file) { try body(entry) }
    }
  }

  /// The entries of functions: a name by itself where it means one function, else the address of each. What cannot be a
  /// trigger is left out.
  private func entries(
    _ functions: [Function], _ path: String?, _ image: borrowing ELFImage, _ file: CodeFile
  ) -> [ListEntry] {
    let presence = code.presence(of: file)
    var named = functions.map { (name: $0.name, function: $0) }
    named.sort { $0.name < $1.name }
    var entries: [ListEntry] = []
    var start = 0
    while start < named.count {
      let name = named[start].name
      let end = named[start...].firstIndex { $0.name != name } ?? named.count
      let meant = FunctionTable.meant(of: named[start..<end].map(\.function))
      start = end
      for function in meant where function.kind != .indirect && canBeProbed(function.address, image, presence) {
        let address = meant.count > 1 ? function.address : nil
        entries.append(ListEntry(kind: .userFunction, path: path, name: name, address: address))
      }
    }
    return entries
  }

  private func canBeProbed(
    _ address: UInt64, _ image: borrowing ELFImage, _ presence: (UInt64) -> MappedCode.Presence?
  ) -> Bool {
    guard let offset = image.fileOffset(ofAddress: address) else { return false }
    if let presence = presence(offset), presence != .mapped { return false }
    guard let set = InstructionSet(image.abi), let bytes = image.loadedBytes(at: address, count: 15) else {
      return true
    }
    return UprobeRules(set).refusal(of: bytes) == nil
  }
}
