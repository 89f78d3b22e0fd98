internal import CElfUtils
internal import Glibc
package import TraceModel

/// What an ELF file's header says it is made for.
package struct ImageIdentity: Sendable, Equatable {
  /// The syscall numbering of a program of this kind.
  package let abi: SyscallABI

  /// Reads the header by libelf; nil for a file that is not a regular one, not ELF, or for no machine known here. The
  /// file is the target's and untrusted.
  package static func read(_ path: String) -> ImageIdentity? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    guard elf_version(UInt32(EV_CURRENT)) != UInt32(EV_NONE), let elf = elf_begin(file, ELF_C_READ, nil)
    else { return nil }
    defer { elf_end(elf) }
    var header = GElf_Ehdr()
    guard elf_kind(elf) == ELF_K_ELF, gelf_getehdr(elf, &header) != nil else { return nil }
    switch Int32(header.e_machine) {
    case EM_X86_64: return ImageIdentity(abi: .x86_64)
    case EM_386: return ImageIdentity(abi: .i386)
    case EM_AARCH64: return ImageIdentity(abi: .arm64)
    default: return nil
    }
  }
}
