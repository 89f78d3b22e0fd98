internal import CTraceFS
internal import Glibc
internal import SystemCalls
package import SystemPackage

/// The files that the target's code is in: its program, its libraries, and any other by its path.
///
/// They are reached through /proc: the file that runs, even where its path is in another mount namespace, or names
/// another file by now, or none.
package struct TargetCode: ~Copyable {
  package let executable: CodeFile
  /// Mapped files other than the program; for a program that does not run yet those that it will load at once.
  package let libraries: [CodeFile]
  /// The target's root directory.
  private let root: String
  /// Where separate debug files may be: in the target's root, then in this process's.
  package var roots: [String] { root == "/" ? [""] : [root, ""] }
  /// The process that runs it; 0 where none does yet.
  private let pid: Int32
  /// The ids of all processes of the target.
  private let targets: Set<Int32>
  /// What of its files it runs; nil where nothing runs yet.
  private let mapped: MappedCode?
  /// Files that are reached through their descriptors.
  private var opened: [FileDescriptor] = []

  /// The code of a running process. `others`: further processes of the target.
  package init(of target: TargetProcess, others: Set<Int32> = []) {
    let directory = ProcessDirectory.of(target.pid)
    root = "\(directory)/root"
    let program = "\(directory)/exe"
    let path = (try? SystemFiles.link(program)) ?? target.name
    let identity = FileIdentity(program)
    executable = CodeFile(path: TargetPath.name(path, of: program, in: directory), link: program)
    pid = target.pid
    targets = others.union([target.pid])
    mapped = MappedCode(of: target.pid)
    libraries = CodeFile.mapped(by: target.pid).filter { FileIdentity($0.link) != identity }
  }

  /// The code of a program that is to be started in this process's own root.
  package init(program: String, libraries: [String]) {
    root = "/"
    pid = 0
    targets = []
    mapped = nil
    var opened: [FileDescriptor] = []
    func file(_ path: String) -> CodeFile {
      let descriptor = path.contains(where: \.isWhitespace) ? Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1
      guard descriptor >= 0 else { return CodeFile(path: path, link: path) }
      opened.append(FileDescriptor(rawValue: descriptor))
      return CodeFile(path: path, link: Self.link(to: descriptor))
    }
    executable = file(program)
    self.libraries = libraries.map(file)
    self.opened = opened
  }

  private static func link(to descriptor: Int32) -> String { "/proc/\(getpid())/fd/\(descriptor)" }

  /// Whether processes that are not the target's run `file` too, or, as with a library, may at any time.
  package func isShared(_ file: CodeFile) -> Bool {
    guard file.link == executable.link, let program = FileIdentity(file.link) else { return true }
    let others = ((try? SystemFiles.list("/proc")) ?? []).compactMap { Int32($0) }.filter { !targets.contains($0) }
    return others.contains { FileIdentity("\(ProcessDirectory.of($0))/exe") == program }
  }

  /// Whether a running process has the byte at an offset of `file` mapped as code; nil where nothing runs yet, or that is not
  /// known. The file is looked at once, however many offsets are asked for.
  package func presence(of file: CodeFile) -> (_ offset: UInt64) -> MappedCode.Presence? {
    guard let mapped, let identity = FileIdentity(file.link) else { return { _ in nil } }
    let isProgram = file.link == executable.link
    return { offset in
      let presence = mapped.presence(of: identity, at: offset)
      // Of the program itself something was mapped, or nothing would run.
      guard presence == .absent, isProgram else { return presence }
      return mapped.hasAnonymousCode ? .copied : .unmapped
    }
  }

  deinit {
    for descriptor in opened { try? descriptor.close() }
  }

  /// The file at `path` as the target sees it; the mapped one where it is mapped.
  package mutating func file(at path: String) throws(Errno) -> CodeFile {
    if let mapped = ([executable] + libraries).first(where: { $0.path == path }) { return mapped }
    let directory = Glibc.open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw Errno(rawValue: errno) }
    defer { Glibc.close(directory) }
    let descriptor = kdelay_open_in_root(directory, path, 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    opened.append(FileDescriptor(rawValue: descriptor))
    let link = Self.link(to: descriptor)
    let identity = FileIdentity(link)
    // The same file by another name, or through a symbolic link.
    let mapped = ([executable] + libraries).first { FileIdentity($0.link) == identity }
    return CodeFile(path: path, link: mapped?.link ?? link)
  }

  /// The files of the target that a name without a leading slash can mean: mapped ones, else the one at that path from the
  /// directory that the target works in. Empty if there is none.
  package mutating func files(named name: String) -> [CodeFile] {
    let all = [executable] + libraries
    if name.contains("/") {
      // As the operator's shell completes it.
      if let identity = FileIdentity(name), let found = all.first(where: { FileIdentity($0.link) == identity }) {
        return [found]
      }
    }
    let found = FileName.matches(of: name, in: all.map(\.path))
    if !found.isEmpty { return found.map { all[$0] } }
    guard name.contains("/"), let directory = workingDirectory else { return [] }
    return [try? file(at: directory + "/" + name)].compactMap { $0 }
  }

  /// Where the target works, below its root; nil if that cannot be told.
  private var workingDirectory: String? {
    let process = pid == 0 ? "/proc/self" : ProcessDirectory.of(pid)
    guard let directory = try? SystemFiles.link("\(process)/cwd"), directory.hasPrefix("/") else { return nil }
    guard pid != 0, let top = try? SystemFiles.link("\(process)/root"), top != "/" else { return directory }
    return directory == top ? "" : directory.hasPrefix(top + "/") ? String(directory.dropFirst(top.count)) : nil
  }
}
