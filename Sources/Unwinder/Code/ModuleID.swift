/// A module's number in its `CodeSource`. Never used again: what is cached by it stays true.
package struct ModuleID: Sendable, Hashable, BitwiseCopyable {
  package let number: UInt32

  /// Memory without a file: a run-time compiler's code.
  package static let anonymous = ModuleID(number: .max - 1)

  /// The page that the kernel maps into a process for its probes, `[uprobes]`.
  package static let probes = ModuleID(number: .max - 3)

  /// The kernel and its modules.
  package static let kernel = ModuleID(number: .max - 2)

  /// Makes the id of a number. Modules have numbers from 0 on, up to `limit`.
  package init(number: UInt32) { self.number = number }

  package var isAnonymous: Bool { self == .anonymous }

  /// Whether it is the id of a `CodeSource`'s module: a file, or an image that is only in memory.
  package var isImage: Bool { number < .max - 3 }
}
