/// Why a file is no recording that can be read, or cannot be written, in the operator's words.
package struct TraceFileError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The file cannot be opened or read.
    case unreadable
    /// The file's parts do not fit together, or it is something else.
    case malformed
    /// The file is of a kind that is not read.
    case unsupported
    /// The file cannot be made or written.
    case unwritable

    fileprivate var remedy: String {
      switch self {
      case .unreadable: "name a recording that is there and that you may read"
      case .malformed: "make the recording anew"
      case .unsupported: "make a recording of a kind that is read"
      case .unwritable: "choose a writable place with enough room"
      }
    }
  }

  package let code: Code
  package let path: String
  /// What is the matter with the file.
  package let reason: String
  /// What the operator can do about it.
  package let remedy: String

  /// An error with a `remedy`, by default one that fits the code.
  init(_ code: Code, _ path: String, _ reason: String, remedy: String? = nil) {
    self.code = code
    self.path = path
    self.reason = reason
    self.remedy = remedy ?? code.remedy
  }

  package var description: String { "\(path): \(reason)" }
}
