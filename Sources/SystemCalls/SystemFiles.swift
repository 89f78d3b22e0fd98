internal import Glibc
package import SystemPackage

/// Small files of /proc, /sys and tracefs. What a signal interrupts is done again.
package enum SystemFiles {
  /// Reads a whole file; its size is not asked for, since these file systems report 0.
  package static func read(_ path: String) throws(Errno) -> String {
    String(decoding: try readBytes(path), as: UTF8.self)
  }

  /// Reads a whole file, as bytes.
  package static func readBytes(_ path: String) throws(Errno) -> [UInt8] {
    do {
      let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
      return try file.closeAfter { try readBytes(of: file) }
    } catch let error as Errno {
      throw error
    } catch {
      throw .ioError
    }
  }

  /// Where the symbolic link at `path` points to.
  package static func link(_ path: String) throws(Errno) -> String {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &bytes, bytes.count)
    guard count >= 0 else { throw Errno(rawValue: errno) }
    return String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Reads what is left of an open file, up to `limit` bytes.
  package static func readBytes(of file: FileDescriptor, limit: Int = .max) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { chunk.deallocate() }
    while bytes.count < limit, case let count = try file.read(into: chunk), count > 0 {
      bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<min(count, limit - bytes.count)]))
    }
    return bytes
  }

  /// The names in a directory, without `.` and `..`, in no order.
  package static func list(_ path: String) throws(Errno) -> [String] { try list(path) { _ in true } }

  /// The names of the directories in a directory, in no order.
  package static func directories(in path: String) throws(Errno) -> [String] { try list(path) { $0 == UInt8(DT_DIR) } }

  /// The names in a directory that `isWanted` accepts. It is asked by the type that the file system gives.
  private static func list(_ path: String, _ isWanted: (UInt8) -> Bool) throws(Errno) -> [String] {
    guard let directory = opendir(path) else { throw Errno(rawValue: errno) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != "..", isWanted(entry.pointee.d_type) { names.append(name) }
    }
    return names
  }

  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
