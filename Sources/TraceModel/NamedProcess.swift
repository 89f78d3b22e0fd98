/// A process as the operator knows it: by its id and its name.
package struct NamedProcess: Sendable, Equatable {
  package var pid: Int32
  /// The name of the process's first thread.
  package var name: String

  package init(pid: Int32, name: String) {
    self.pid = pid
    self.name = name
  }
}
