internal import CElfUtils
internal import Glibc
package import TraceModel

/// What an ELF file's header says it is made for.
package struct ImageIdentity: Sendable, Equatable {
  /// The syscall numbering of a program of this kind.
  package let abi: SyscallABI

  /// Reads the header by libelf; nil for a file that is not a regular one, not ELF, or for no machine known here. The
  /// file is the target's and untrusted.
  ///
  /// Less is asked than of an `ELFImage`: a program runs whose section headers are cut off, or that an emulator runs.
  package static func read(_ path: String) -> ImageIdentity? {
    guard let bytes = try? ImageBytes(path: path), let elf = ELFHandle(of: bytes),
      let header = elf.header, let abi = SyscallABI(machine: Int32(header.e_machine))
    else { return nil }
    return ImageIdentity(abi: abi)
  }
}

extension SyscallABI {
  /// The numbering of an ELF header's `e_machine`; nil if it is not known here.
  init?(machine: Int32) {
    switch machine {
    case EM_X86_64: self = .x86_64
    case EM_386: self = .i386
    case EM_AARCH64: self = .arm64
    default: return nil
    }
  }
}
