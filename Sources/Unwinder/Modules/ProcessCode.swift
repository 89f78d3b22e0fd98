package import TraceModel

/// Where a process has which code, at each time that samples may still ask for.
///
/// Mappings are only ever added to: the kernel tells of no unmapping, and of data that is mapped over code only where
/// `mmap_data` is set. Code that is gone stays until other code takes its place; only a stack that is broken anyway has
/// addresses there. A mapping that replaces another begins a new version; a stack that was sampled before is unwound with
/// the version of its time.
package struct ProcessCode {
  private struct Version {
    /// ns; valid from here on.
    var since: UInt64
    var space: AddressSpace
  }

  /// A thread can sleep through any number of changes; beyond this many the oldest versions go.
  private static let limit = 64

  private let modules: ModuleTable
  private var files: TargetFiles
  private let vdso: ModuleID
  private let vdsoSize: UInt64
  /// When memory without a file last took the place of a file's code, ns; nil where it has been looked at since. It may be a
  /// copy of that code, which only `/proc/PID/maps` tells.
  package private(set) var mayHaveCopies: UInt64?
  private var versions: [Version] = [Version(since: 0, space: AddressSpace())]

  /// `vdso`: the image that the kernel maps into each process, whole pages; empty if it is not known. It is taken for what
  /// is mapped as `[vdso]` in the same size: a 32-bit program's has another.
  package init(modules: ModuleTable, files: TargetFiles, vdso: [UInt8]) {
    self.modules = modules
    self.files = files
    self.vdso = vdso.isEmpty ? .anonymous : modules.add(memory: vdso, name: "[vdso]")
    vdsoSize = UInt64(vdso.count)
  }

  /// What the process passed on to a child when it forked: the mappings that it has now.
  package func child(pid: Int32) -> ProcessCode {
    var child = self
    child.files.pid = pid
    child.versions = [Version(since: 0, space: versions[versions.count - 1].space)]
    return child
  }

  /// The mappings at `time`, ns.
  package func space(at time: UInt64) -> AddressSpace {
    (versions.last { $0.since <= time } ?? versions[0]).space
  }

  /// The target has another root directory; see `TargetFiles`.
  package mutating func change(root: String?) { files.change(root: root) }

  /// Takes in what the target did.
  package mutating func apply(_ change: ProcessChange) {
    guard change.pid == files.pid else { return }
    switch change.kind {
    case .mapped(let mapping): add(mapping, at: change.timestamp)
    case .renamed(_, byExec: true): begin(at: change.timestamp) { $0.removeAll() }
    case .renamed, .created, .exited: break
    }
  }

  /// Takes in all mappings at `time`, ns, as `/proc/PID/maps` lists them; what was there before is gone.
  package mutating func replaceAll(_ mappings: [CodeMapping], at time: UInt64) {
    begin(at: time) { $0.removeAll() }
    addAll(mappings, at: time)
  }

  /// Takes in mappings of which some may be new at `time`, ns.
  package mutating func addAll(_ mappings: [CodeMapping], at time: UInt64) {
    for mapping in mappings { add(mapping, at: time) }
  }

  /// Takes in those of the mappings that are copies of a file's code in its place, as they are since `time`, ns.
  package mutating func addCopies(_ mappings: [CodeMapping], at time: UInt64) {
    for mapping in mappings where !mapping.neighbours.isEmpty { add(mapping, at: time) }
    mayHaveCopies = nil
  }

  private mutating func add(_ mapping: CodeMapping, at time: UInt64) {
    let (end, overflow) = mapping.start.addingReportingOverflow(mapping.length)
    guard !overflow, mapping.length > 0 else { return }
    if mapping.hasNoFile, mapping.neighbours.isEmpty, coversFile(mapping.start..<end) { mayHaveCopies = time }
    let copy = copy(mapping, mapping.start..<end)
    if copy?.start != mapping.start || copy?.end != end {
      add(
        Mapping(start: mapping.start, end: end, fileOffset: mapping.fileOffset, module: module(of: mapping)), at: time)
    }
    if let copy { add(copy, at: time) }
  }

  /// Whether code of a file is known to be there.
  private func coversFile(_ range: Range<UInt64>) -> Bool {
    versions[versions.count - 1].space.mappings(in: range).contains { modules[$0.module] != nil }
  }

  /// What memory without a file holds of the file on one of its sides, or on both, whose code belongs there.
  private func copy(_ mapping: CodeMapping, _ range: Range<UInt64>) -> Mapping? {
    for neighbour in mapping.neighbours {
      let id = module(
        path: neighbour.path, inode: neighbour.inode, buildID: [], mappedAt: neighbour.start, length: neighbour.length)
      guard let (part, offset) = modules[id]?.open()?.code(in: range, beside: neighbour) else { continue }
      return Mapping(start: part.lowerBound, end: part.upperBound, fileOffset: offset, module: id)
    }
    return nil
  }

  private mutating func add(_ added: Mapping, at time: UInt64) {
    let replaced = versions[versions.count - 1].space.mappings(in: added.start..<added.end)
    // `mprotect` tells of a mapping again, a run-time compiler for each function that it has made.
    if replaced.contains(where: { $0.holds(added) }) { return }
    if replaced.allSatisfy(added.holds) {
      versions[versions.count - 1].space.add(added)
    } else {
      begin(at: time) { $0.add(added) }
    }
  }

  private mutating func begin(at time: UInt64, _ change: (inout AddressSpace) -> Void) {
    if versions[versions.count - 1].since < time {
      if versions.count == Self.limit { versions.removeFirst() }
      versions.append(Version(since: time, space: versions[versions.count - 1].space))
    }
    change(&versions[versions.count - 1].space)
  }

  private func module(of mapping: CodeMapping) -> ModuleID {
    let path = mapping.path
    if path == "[uprobes]" { return .probes }
    if path == "[vdso]" { return mapping.length == vdsoSize ? vdso : .anonymous }
    // `//anon`, `[heap]`, `anon_inode:…`, and what drivers or shared memory without a file are mapped from.
    guard path.hasPrefix("/"), !path.hasPrefix("//"), !path.hasPrefix("/dev/"), !path.hasPrefix("/SYSV") else {
      return .anonymous
    }
    return module(
      path: path, inode: mapping.inode, buildID: mapping.buildID, mappedAt: mapping.start, length: mapping.length)
  }

  private func module(path: String, inode: UInt64, buildID: [UInt8], mappedAt start: UInt64, length: UInt64)
    -> ModuleID
  {
    let path = path.hasSuffix(" (deleted)") ? String(path.dropLast(10)) : path
    return modules.add(
      ModuleIdentity(path: path, inode: inode, buildID: buildID),
      at: files.place(of: path, mappedAt: start, length: length),
      finder: DebugFileFinder(roots: files.roots, knownAs: path))
  }
}

extension Mapping {
  /// Whether the other one is a part of this, so that all of its addresses mean the same.
  fileprivate func holds(_ other: Mapping) -> Bool {
    guard module == other.module, start <= other.start, other.end <= end else { return false }
    return module.isAnonymous || offset(of: other.start) == other.fileOffset
  }
}
