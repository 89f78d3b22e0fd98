internal import SystemCalls
internal import TraceFile

/// Where the running kernel's code lies, as a perf.data file tells of it.
struct KernelImage {
  struct Part: Equatable {
    var path: String
    var start: UInt64
    var length: UInt64
    /// The address of the symbol behind the path's bracket; 0 of a module.
    var reference: UInt64 = 0
  }

  let parts: [Part]

  /// Reads what the kernel shows; without parts where it hides its addresses.
  static func read() -> KernelImage {
    KernelImage(
      symbols: (try? SystemFiles.readBytes("/proc/kallsyms")) ?? [],
      modules: (try? SystemFiles.read("/proc/modules")) ?? "")
  }

  /// `symbols`: /proc/kallsyms, `ADDRESS TYPE NAME` in each line; `modules`: /proc/modules, `NAME SIZE … 0xADDRESS`.
  init(symbols: [UInt8], modules: String) {
    var parts: [Part] = []
    let addresses = Self.addresses(of: ["_text", "_stext", "_etext"], symbols)
    let first = ["_text", "_stext"].first { addresses[$0] != nil }
    if let first, let start = addresses[first], let end = addresses["_etext"], end > start {
      parts.append(
        Part(path: "[kernel.kallsyms]\(first)", start: start, length: end - start, reference: start))
    }
    for line in modules.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count >= 6, let size = UInt64(words[1]), let start = UInt64(words[5].dropFirst(2), radix: 16),
        start != 0
      else { continue }
      parts.append(Part(path: "[\(words[0])]", start: start, length: size))
    }
    self.parts = parts
  }

  /// The addresses of symbols of the kernel's own; without those that are missing or hidden.
  private static func addresses(of names: [String], _ symbols: [UInt8]) -> [String: UInt64] {
    let endings = names.map { (name: $0, bytes: Array(" \($0)".utf8)) }
    var found: [String: UInt64] = [:]
    for line in symbols.split(separator: UInt8(ascii: "\n")) {
      guard let ending = endings.first(where: { line.suffix($0.bytes.count).elementsEqual($0.bytes) }) else { continue }
      let digits = String(decoding: line.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
      if let address = UInt64(digits, radix: 16), address != 0 { found[ending.name] = address }
      if found.count == names.count { break }
    }
    return found
  }

  /// The build-ids of the kernel and of its modules.
  static func buildIDs() -> [PerfFileBuildID] {
    var found: [PerfFileBuildID] = []
    func add(_ name: String, _ notes: String) {
      guard let bytes = try? SystemFiles.readBytes(notes), let buildID = Self.buildID(inNotes: bytes) else { return }
      found.append(PerfFileBuildID(pid: -1, path: name, buildID: buildID))
    }
    add("[kernel.kallsyms]", "/sys/kernel/notes")
    for module in ((try? SystemFiles.list("/sys/module")) ?? []).sorted() {
      add("[\(module)]", "/sys/module/\(module)/notes/.note.gnu.build-id")
    }
    return found
  }

  /// The build-id in the bytes of a section of notes: each is three lengths and words (name, contents, type), then a name and
  /// contents, both padded to 4 bytes (elf(5)).
  static func buildID(inNotes bytes: [UInt8]) -> [UInt8]? {
    let (typeOfBuildID, owner): (UInt32, [UInt8]) = (3, Array("GNU\0".utf8))
    var offset = 0
    func word(_ place: Int) -> UInt32 {
      bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: place, as: UInt32.self) }
    }
    while bytes.count - offset >= 12 {
      let (nameSize, size, type) = (Int(word(offset)), Int(word(offset + 4)), word(offset + 8))
      let contents = offset + 12 + (nameSize + 3) & ~3
      guard contents <= bytes.count, size <= bytes.count - contents else { return nil }
      if type == typeOfBuildID, Array(bytes[offset + 12..<offset + 12 + nameSize]) == owner {
        return Array(bytes[contents..<contents + size])
      }
      offset = contents + (size + 3) & ~3
    }
    return nil
  }
}
