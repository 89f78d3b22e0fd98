package import TraceModel
package import Unwinder

/// The programs, libraries and memory images that code runs from. Files are opened when a stack first goes through them.
///
/// Shared by an unwinder and the symbolizer of its frames, on one thread.
package final class ModuleTable {
  /// The most modules that are kept: a hostile target maps new files for ever.
  private static let limit = 1 << 16

  /// Files that are held open from when they are mapped; those after them are opened when a stack goes through them.
  static let heldLimit = 1024

  private var modules: [Module] = []
  private var numbers: [ModuleIdentity: UInt32] = [:]
  /// How the files of a process are reached, for each process that something was asked of.
  private var files: [Int32: TargetFiles] = [:]
  private let newFiles: (Int32) -> TargetFiles
  /// The vdso's module; `.anonymous` if there is none.
  private var vdso = ModuleID.anonymous
  private let vdsoSize: UInt64

  /// `vdso`: the image that the kernel maps into each process, whole pages; empty if it is not known. It is taken for what is
  /// mapped as `[vdso]` in the same size: a 32-bit program's has another. `files`: how the files of a process are reached that is
  /// no copy of another one.
  package init(vdso: [UInt8] = [], files: @escaping (_ pid: Int32) -> TargetFiles = { TargetFiles(recorded: $0) }) {
    newFiles = files
    vdsoSize = UInt64(vdso.count)
    if !vdso.isEmpty { self.vdso = add(memory: vdso, name: "[vdso]") }
  }

  /// How many modules there are.
  package var count: Int { modules.count }

  /// The number of a file. `place`: how to open it, if not by the path that the target knows it by.
  package func add(
    _ identity: ModuleIdentity, at place: ModulePlace? = nil, finder: DebugFileFinder = DebugFileFinder()
  ) -> ModuleID {
    if let known = numbers[identity] { return ModuleID(number: known) }
    guard modules.count < Self.limit else { return .anonymous }
    let module = Module(
      identity, at: place ?? ModulePlace(link: nil, path: identity.path), holds: modules.count < Self.heldLimit,
      finder: finder)
    numbers[identity] = UInt32(modules.count)
    modules.append(module)
    return ModuleID(number: UInt32(modules.count - 1))
  }

  /// The number of an image that is only in memory: the vdso. A mapping of it has file offset 0.
  package func add(memory bytes: [UInt8], name: String) -> ModuleID {
    guard modules.count < Self.limit else { return .anonymous }
    modules.append(Module(memory: bytes, name: name))
    return ModuleID(number: UInt32(modules.count - 1))
  }

  /// The module of a number; nil for anonymous memory.
  package subscript(id: ModuleID) -> Module? {
    modules.indices.contains(Int(id.number)) ? modules[Int(id.number)] : nil
  }

  /// The build-id of what process `pid` has mapped; empty where it has none, or is no file that can be opened.
  package func buildID(of mapping: CodeMapping, in pid: Int32) -> [UInt8] {
    guard !mapping.hasNoFile, let image = self[module(of: mapping, in: pid)]?.open() else { return [] }
    return image.functions.image.buildID ?? []
  }

  /// Process `pid` has another root directory; see `TargetFiles`.
  package func changeRoot(of pid: Int32, to root: String?) {
    files[pid, default: newFiles(pid)].change(root: root)
  }

  private func files(of pid: Int32) -> TargetFiles {
    if let known = files[pid] { return known }
    let new = newFiles(pid)
    files[pid] = new
    return new
  }
}

extension ModuleTable: CodeSource {
  package func module(of mapping: CodeMapping, in pid: Int32) -> ModuleID {
    if mapping.path == "[vdso]" { return mapping.length == vdsoSize ? vdso : .anonymous }
    let path = mapping.path.hasSuffix(" (deleted)") ? String(mapping.path.dropLast(10)) : mapping.path
    let identity = ModuleIdentity(
      path: path, inode: mapping.inode,
      device: DeviceNumber(major: mapping.deviceMajor, minor: mapping.deviceMinor), buildID: mapping.buildID)
    // Most mappings are of files that are known.
    if let known = numbers[identity] { return ModuleID(number: known) }
    let files = files(of: pid)
    return add(
      identity, at: files.place(of: path, mappedAt: mapping.start, length: mapping.length, buildID: mapping.buildID),
      finder: DebugFileFinder(roots: files.roots, knownAs: path))
  }

  package func code(of module: ModuleID, in range: Range<UInt64>, beside mapping: CodeMapping) -> (
    range: Range<UInt64>, fileOffset: UInt64
  )? {
    self[module]?.open()?.code(in: range, beside: mapping)
  }

  package func is64Bit(_ module: ModuleID) -> Bool { self[module]?.open()?.is64Bit ?? false }

  package func address(ofFileOffset offset: UInt64, in module: ModuleID) -> UInt64? {
    self[module]?.open()?.address(ofFileOffset: offset)
  }

  package func row(for address: UInt64, in module: ModuleID, _ budget: inout FrameBudget) throws(CFIError)
    -> DescribedRow?
  {
    try self[module]?.open()?.row(for: address, &budget)
  }

  package func code(aroundFileOffset offset: UInt64, in module: ModuleID) -> CodeWindow {
    self[module]?.open()?.code(aroundFileOffset: offset) ?? CodeWindow()
  }

  package func isEntry(_ address: UInt64, in module: ModuleID) -> Bool {
    self[module]?.open()?.isEntry(address) ?? false
  }

  package func copyProcess(_ parent: Int32, to child: Int32) { files[child] = files(of: parent).copied(to: child) }

  package func forgetProcess(_ pid: Int32) { files[pid] = nil }
}
