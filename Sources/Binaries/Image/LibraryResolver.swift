internal import Glibc
internal import TraceModel

/// Finds the shared libraries of a program that has not been started, as the dynamic loader will (ld.so(8)).
///
/// The loader's cache is not read: the directories that `ldconfig` makes it from are searched instead.
package struct LibraryResolver: Sendable {
  /// What a program will load.
  package struct Libraries: Sendable, Equatable {
    /// The paths of the libraries, with the root before them, in the order of loading: breadth first, the program's interpreter
    /// last unless something needs it by name.
    package var paths: [String] = []
    /// The names of libraries that were not found.
    package var missing: [String] = []
  }

  /// The most libraries that are looked for; programs have some hundred.
  private static let limit = 1024

  private let root: String
  private let libraryPath: [String]

  /// - Parameters:
  ///   - root: What stands before every path: "" for this system, a container's root directory.
  ///   - libraryPath: The program's LD_LIBRARY_PATH, if it will have one.
  package init(root: String = "", libraryPath: String? = nil) {
    self.root = root
    self.libraryPath = libraryPath.map { $0.split { $0 == ":" || $0 == ";" }.map(String.init) } ?? []
  }

  /// An object whose needs are to be looked for, with the DT_RPATHs of those that asked for it.
  private struct Loading {
    let origin: String
    let dynamic: DynamicSection
    let inheritedPath: [String]

    var rpath: [String] { dynamic.runpath == nil ? dynamic.rpath + inheritedPath : inheritedPath }
  }

  /// The libraries of the program at `path`, which is as seen from the root.
  package func libraries(of path: String) throws(ImageError) -> Libraries {
    let image = try ELFImage(path: root + path)
    let standard = standardDirectories(for: image.abi)
    var libraries = Libraries()
    var loaded: Set<String> = []
    var queue = [Loading(origin: Self.directory(of: path), dynamic: try image.dynamic, inheritedPath: [])]
    var next = 0
    while next < queue.count, libraries.paths.count < Self.limit {
      let loading = queue[next]
      next += 1
      for name in loading.dynamic.needed.prefix(Self.limit) where loaded.insert(name).inserted {
        guard let found = locate(name, for: loading, abi: image.abi, standard: standard) else {
          libraries.missing.append(name)
          continue
        }
        guard !libraries.paths.contains(root + found.path) else { continue }
        libraries.paths.append(root + found.path)
        // What asks for the library by its own name gets the one that is loaded.
        if let soname = found.dynamic.soname { loaded.insert(soname) }
        queue.append(
          Loading(origin: Self.directory(of: found.path), dynamic: found.dynamic, inheritedPath: loading.rpath))
      }
    }
    if let interpreter = image.interpreter, !loaded.contains(Self.name(of: interpreter)) {
      libraries.paths.append(root + interpreter)
    }
    return libraries
  }

  private func locate(
    _ name: String, for loading: Loading, abi: SyscallABI, standard: [String]
  ) -> (path: String, dynamic: DynamicSection)? {
    let candidates: [String]
    if name.contains("/") {
      candidates = [expand(name, origin: loading.origin, abi: abi)]
    } else {
      let own = loading.dynamic.runpath ?? []
      // A DT_RUNPATH puts the DT_RPATHs out of force for this object.
      let before = loading.dynamic.runpath == nil ? loading.rpath : []
      candidates =
        (before + libraryPath + own).prefix(Self.limit)
        .map { expand($0, origin: loading.origin, abi: abi) + "/" + name } + standard.map { $0 + "/" + name }
    }
    for path in candidates where path.hasPrefix("/") {
      // A library of another machine is passed over, as the loader does.
      guard let image = try? ELFImage(path: root + path), image.abi == abi, let dynamic = try? image.dynamic
      else { continue }
      return (path, dynamic)
    }
    return nil
  }

  private func expand(_ path: String, origin: String, abi: SyscallABI) -> String {
    let library = abi == .i386 ? "lib" : "lib64"
    var path = path
    for (token, value) in [
      ("${ORIGIN}", origin), ("$ORIGIN", origin), ("${LIB}", library), ("$LIB", library),
    ] where path.contains("$") {
      path = path.split(separator: token, omittingEmptySubsequences: false).joined(separator: value)
    }
    return path
  }

  /// ld.so.conf's directories, then the loader's own: Debian's by machine, and Fedora's.
  private func standardDirectories(for abi: SyscallABI) -> [String] {
    let triplet: String? =
      switch abi {
      case .x86_64: "x86_64-linux-gnu"
      case .i386: "i386-linux-gnu"
      case .arm64: "aarch64-linux-gnu"
      case .arm: "arm-linux-gnueabihf"
      case .s390x: "s390x-linux-gnu"
      case .ppc64: "powerpc64le-linux-gnu"
      case .riscv64: "riscv64-linux-gnu"
      case .other: nil
      }
    return LoaderConfiguration(root: root).directories + (triplet.map { ["/lib/\($0)", "/usr/lib/\($0)"] } ?? [])
      + ["/lib64", "/usr/lib64", "/lib", "/usr/lib"]
  }

  private static func directory(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  private static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}

/// The directories that /etc/ld.so.conf and the files that it includes list.
struct LoaderConfiguration {
  private static let fileLimit = 256
  private static let sizeLimit = 1 << 20

  private(set) var directories: [String] = []

  init(root: String) {
    var files = ["/etc/ld.so.conf"]
    var next = 0
    while next < files.count, next < Self.fileLimit {
      let file = files[next]
      next += 1
      // Included files take the place of the line that includes them.
      var included: [String] = []
      for line in Self.lines(of: root + file) {
        let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" || $0 == "," || $0 == ":" }
        if words.first == "include" {
          for pattern in words.dropFirst() {
            let base = pattern.hasPrefix("/") ? "" : "/etc/"
            included += Self.files(matching: root + base + pattern).map { String($0.dropFirst(root.utf8.count)) }
          }
        } else {
          directories += words.filter { $0.hasPrefix("/") }.map(String.init)
        }
      }
      files.insert(contentsOf: included.prefix(Self.fileLimit), at: next)
    }
  }

  private static func lines(of path: String) -> [String] {
    guard let bytes = try? ImageBytes(path: path), bytes.size <= sizeLimit,
      let text = bytes.read(at: 0, count: bytes.size)
    else { return [] }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private static func files(matching pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, 0, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
  }
}
