internal import SystemCalls
internal import TraceModel

/// Which parts of its files a process runs: what a uprobe can be at.
///
/// A uprobe belongs to a file. The kernel puts it into each private mapping of the file with code that is not writable
/// (valid_vma in kernel/events/uprobes.c); code that was copied to memory of its own is out of its reach.
package struct MappedCode: Sendable {
  /// Whether a probe at some place of a file can fire.
  package enum Presence: Sendable, Equatable {
    /// The place is mapped from the file.
    case mapped
    /// Nothing of the file is mapped as code; it may be later.
    case absent
    /// Code that is in nobody's file runs instead.
    case copied
    /// Other parts of the file are mapped, the place is not.
    case unmapped
    /// It is mapped so that the kernel puts no probes there.
    case unprobeable(String)
  }

  /// The mappings of one file.
  private struct File: Sendable {
    var identity: FileIdentity
    var areas: [MapsLine]
  }

  private let areas: [MapsLine]
  private let files: [File]
  /// Whether a mapped file could not be looked at: it may be any.
  private let hasUnknownFile: Bool

  /// What a running process has mapped now.
  init(of pid: Int32) {
    let directory = ProcessDirectory.of(pid)
    let areas = Self.parse((try? SystemFiles.read("\(directory)/maps")) ?? "")
    self.init(areas) { FileIdentity($0.link(in: directory)) }
  }

  /// `identify`: the file that is mapped; nil if it cannot be looked at.
  init(_ areas: [MapsLine], identify: (CodeMapping) -> FileIdentity?) {
    var files: [File] = []
    var hasUnknownFile = false
    for area in areas where area.inode != 0 {
      guard let identity = identify(area.code) else {
        hasUnknownFile = true
        continue
      }
      if let place = files.firstIndex(where: { $0.identity == identity }) {
        files[place].areas.append(area)
      } else {
        files.append(File(identity: identity, areas: [area]))
      }
    }
    self.areas = areas
    self.files = files
    self.hasUnknownFile = hasUnknownFile
  }

  static func parse(_ maps: String) -> [MapsLine] {
    MapsLine.lines(of: maps).compactMap { MapsLine($0) }.filter(\.isCode)
  }

  /// Whether the byte at `offset` of a file runs; nil where that is not known.
  func presence(of file: FileIdentity, at offset: UInt64) -> Presence? {
    guard let found = files.first(where: { $0.identity == file }) else { return hasUnknownFile ? nil : .absent }
    let around = found.areas.filter {
      offset >= $0.fileOffset && offset - $0.fileOffset < $0.end - $0.start
    }
    if around.contains(where: { !$0.isWritable && !$0.isShared }) { return .mapped }
    if let area = around.first { return .unprobeable(area.isShared ? "shared" : "writable") }
    // Where it would be, as the other parts are.
    let isCopied = found.areas.contains { other in
      let address = other.start &- other.fileOffset &+ offset
      return areas.contains { $0.inode == 0 && $0.start <= address && address < $0.end }
    }
    return isCopied ? .copied : .unmapped
  }

  /// Whether anonymous memory holds code.
  var hasAnonymousCode: Bool { areas.contains { $0.inode == 0 && !$0.path.hasPrefix("[") } }
}
