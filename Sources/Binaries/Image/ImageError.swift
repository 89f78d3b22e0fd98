internal import Glibc

/// Why an ELF file cannot be used, in the operator's words.
package enum ImageError: Error, Equatable, CustomStringConvertible {
  /// `open` or `fstat` failed with `errno`.
  case cannotOpen(path: String, errno: Int32)
  /// The file is not a regular one: it is a directory, a FIFO, a device or a socket.
  case notRegularFile(path: String)
  case notELF(path: String)
  /// A header, or the named part, lies beyond the end of the file.
  case truncated(path: String, part: String)
  /// The file is made for a machine (`e_machine` of its header) whose programs this kernel does not run.
  case foreignMachine(path: String, machine: Int)
  /// The file is ELF, but of a kind or a form that is not handled.
  case unsupported(path: String, reason: String)
  /// The file is not the one that ran: another one is at its path now, or has always been on this machine.
  case otherBuild(path: String)

  package var description: String {
    switch self {
    case .cannotOpen(let path, let errno): "cannot open \(path): \(String(cString: strerror(errno)))"
    case .notRegularFile(let path): "\(path) is not a regular file"
    case .notELF(let path): "\(path) is not an ELF file: give a program or a shared library"
    case .truncated(let path, let part): "\(path) is truncated: its \(part) lies beyond the end of the file"
    case .foreignMachine(let path, let machine):
      "\(path) is made for another kind of machine (ELF machine \(machine)): this kernel does not run it"
    case .unsupported(let path, let reason): "\(path) cannot be used: \(reason)"
    case .otherBuild(let path): "\(path) cannot be used: another file is there now"
    }
  }
}
