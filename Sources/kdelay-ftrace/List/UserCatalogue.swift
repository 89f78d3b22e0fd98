internal import TraceSource
internal import Unwinder

/// USDT probes and functions of the target's program and libraries.
struct UserCatalogue: ~Copyable {
  private let code: TargetCode
  private let filter: ListFilter

  init(_ target: TargetProcess, _ filter: ListFilter) {
    code = TargetCode(of: target)
    self.filter = filter
  }

  /// Probes first; of each the program's, then the libraries' in the order in which they are mapped.
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
      try? functions.forEach { if $0.kind != .indirect { known.append($0) } }
      var names = known.map(\.name)
      names.sort()
      var last: String?
      for name in names where name != last {
        last = name
        try body(ListEntry(kind: .userFunction, path: path, name: name))
      }
    }
  }
}
