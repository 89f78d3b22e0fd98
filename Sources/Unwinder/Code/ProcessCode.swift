internal import TraceModel

/// Where one process has which code, at each time that samples may still ask for.
///
/// Mappings are only ever added to: the kernel tells of no unmapping, and of data that is mapped over code only where
/// `mmap_data` is set. Code that is gone stays until other code takes its place; only a stack that is broken anyway has
/// addresses there. A mapping that replaces another begins a new version; a stack that was sampled before is unwound with
/// the version of its time.
struct ProcessCode {
  private struct Version {
    /// The time from which on the version is valid, ns.
    var since: UInt64
    var space: AddressSpace
  }

  /// The most versions that are kept. A thread can sleep through any number of changes; beyond this many the oldest versions go.
  private static let limit = 64

  /// When memory without a file last took the place of a file's code, ns; nil where it has been looked at since. It may be a
  /// copy of that code, which only `/proc/PID/maps` tells.
  var mayHaveCopies: UInt64?
  private var versions: [Version]

  /// Begins with the mappings that the process was born with.
  init(_ space: AddressSpace = AddressSpace()) { versions = [Version(since: 0, space: space)] }

  /// The mappings at `time`, ns.
  func space(at time: UInt64) -> AddressSpace { (versions.last { $0.since <= time } ?? versions[0]).space }

  /// The mappings that the process has now, which a child is born with.
  var latest: AddressSpace { versions[versions.count - 1].space }

  /// Takes note at `time`, ns, that the process has nothing mapped any more.
  mutating func removeAll(at time: UInt64) { begin(at: time) { $0.removeAll() } }

  /// Takes note that it is another process from `time`, ns, on.
  mutating func replace(with space: AddressSpace, at time: UInt64) {
    mayHaveCopies = nil
    begin(at: time) { $0 = space }
  }

  /// Takes in a mapping of process `pid` that may be new at `time`, ns.
  mutating func add(_ mapping: CodeMapping, of pid: Int32, at time: UInt64, _ source: any CodeSource) {
    let (end, overflow) = mapping.start.addingReportingOverflow(mapping.length)
    guard !overflow, mapping.length > 0 else { return }
    if mapping.hasNoFile, mapping.neighbours.isEmpty, coversFile(mapping.start..<end) { mayHaveCopies = time }
    let copy = Self.copy(mapping, mapping.start..<end, of: pid, source)
    if copy?.start != mapping.start || copy?.end != end {
      let module = Self.module(of: mapping, in: pid, source)
      add(Mapping(start: mapping.start, end: end, fileOffset: mapping.fileOffset, module: module), at: time)
    }
    if let copy { add(copy, at: time) }
  }

  /// Whether code of a file is known to be there.
  private func coversFile(_ range: Range<UInt64>) -> Bool {
    latest.mappings(in: range).contains { $0.module.isImage }
  }

  /// What memory without a file holds of the file on one of its sides, or on both, whose code belongs there.
  private static func copy(_ mapping: CodeMapping, _ range: Range<UInt64>, of pid: Int32, _ source: any CodeSource)
    -> Mapping?
  {
    for neighbour in mapping.neighbours {
      let id = module(of: neighbour, in: pid, source)
      guard let (part, offset) = source.code(of: id, in: range, beside: neighbour) else { continue }
      return Mapping(start: part.lowerBound, end: part.upperBound, fileOffset: offset, module: id)
    }
    return nil
  }

  private mutating func add(_ added: Mapping, at time: UInt64) {
    let replaced = latest.mappings(in: added.start..<added.end)
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
      versions.append(Version(since: time, space: latest))
    }
    change(&versions[versions.count - 1].space)
  }

  private static func module(of mapping: CodeMapping, in pid: Int32, _ source: any CodeSource) -> ModuleID {
    let path = mapping.path
    if path == "[uprobes]" { return .probes }
    // `//anon`, `[heap]`, `anon_inode:…`, and what drivers or shared memory without a file are mapped from.
    let isFile = path.hasPrefix("/") && !["//", "/dev/", "/SYSV"].contains { path.hasPrefix($0) }
    return isFile || path == "[vdso]" ? source.module(of: mapping, in: pid) : .anonymous
  }
}

extension Mapping {
  /// Whether the other one is a part of this, so that all of its addresses mean the same.
  fileprivate func holds(_ other: Mapping) -> Bool {
    guard module == other.module, start <= other.start, other.end <= end else { return false }
    return module.isAnonymous || offset(of: other.start) == other.fileOffset
  }
}
