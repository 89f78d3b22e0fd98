package import TraceModel

/// Where a process has which code, at each time that samples may still ask for.
///
/// Mappings are only ever added to: the kernel tells of no unmapping. One that replaces another begins a new version; a
/// stack that was sampled before is unwound with the version of its time.
package struct ProcessCode {
  private struct Version {
    /// ns; valid from here on.
    var since: UInt64
    var space: AddressSpace
  }

  /// A thread can sleep through any number of changes; beyond this many the oldest versions go.
  private static let limit = 64

  private let modules: ModuleTable
  private let files: TargetFiles
  private let vdso: ModuleID
  private var versions: [Version] = [Version(since: 0, space: AddressSpace())]

  /// `vdso`: the image that the kernel maps into each process; empty if it is not known.
  package init(modules: ModuleTable, files: TargetFiles, vdso: [UInt8]) {
    self.modules = modules
    self.files = files
    self.vdso = vdso.isEmpty ? .anonymous : modules.add(memory: vdso, name: "[vdso]")
  }

  /// The mappings at `time`, ns.
  package func space(at time: UInt64) -> AddressSpace {
    (versions.last { $0.since <= time } ?? versions[0]).space
  }

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
    for mapping in mappings { add(mapping, at: time) }
  }

  /// Forgets what was before `time`, ns.
  package mutating func forget(before time: UInt64) {
    guard let current = versions.lastIndex(where: { $0.since <= time }), current > 0 else { return }
    versions.removeFirst(current)
  }

  private mutating func add(_ mapping: CodeMapping, at time: UInt64) {
    let (end, overflow) = mapping.start.addingReportingOverflow(mapping.length)
    guard !overflow, mapping.length > 0 else { return }
    let added = Mapping(start: mapping.start, end: end, fileOffset: mapping.fileOffset, module: module(of: mapping))
    let current = versions[versions.count - 1].space
    if current.overlaps(mapping.start..<end) {
      begin(at: time) { $0.add(added) }
    } else {
      versions[versions.count - 1].space.add(added)
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
    var path = mapping.path
    if path == "[vdso]" { return vdso }
    // `//anon`, `[heap]`, `anon_inode:…`, and what drivers or shared memory without a file are mapped from.
    guard path.hasPrefix("/"), !path.hasPrefix("//"), !path.hasPrefix("/dev/"), !path.hasPrefix("/SYSV") else {
      return .anonymous
    }
    if path.hasSuffix(" (deleted)") { path.removeLast(10) }
    let identity = ModuleIdentity(path: path, inode: mapping.inode, buildID: mapping.buildID)
    return modules.add(
      identity, at: files.place(of: path, mappedAt: mapping.start, length: mapping.length),
      finder: DebugFileFinder(roots: files.roots, knownAs: path))
  }
}

/// How a process's files are reached.
package struct TargetFiles: Sendable {
  package let pid: Int32
  /// The target's root directory, below which its paths lead to its files, and then this process's own: "" is `/`.
  package let roots: [String]

  /// `root`: a path of the target's root directory that leads there even when the process has ended; nil if that is this
  /// process's own.
  package init(pid: Int32, root: String?) {
    self.pid = pid
    roots = root.map { [$0, ""] } ?? [""]
  }

  func place(of path: String, mappedAt start: UInt64, length: UInt64) -> ModulePlace {
    let range = String(start, radix: 16) + "-" + String(start &+ length, radix: 16)
    return ModulePlace(link: "/proc/\(pid)/map_files/\(range)", path: (roots.first ?? "") + path)
  }
}
