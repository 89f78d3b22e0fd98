/// A place in a stack as a report shows it.
package struct StackFrame: Sendable, Equatable, Hashable {
  /// The address in the process or the kernel: of the instruction, or that a call returns to.
  package var address: UInt64
  /// The function's name for people; nil where none is known.
  package var symbol: String?
  /// The number of bytes from the function's first instruction to `address`; 0 without a symbol.
  package var offset: UInt64
  /// The file's name without directories, `[vdso]`, `kernel`, a kernel module's name; empty for anonymous memory.
  package var module: String
  /// The number of bytes from the start of the module's file to `address`; for anonymous memory and the kernel, the address
  /// itself.
  package var moduleOffset: UInt64
  /// `FILE:LINE` of the instruction or the call; nil where nothing tells.
  package var source: String?
  /// Whether the compiler put the function into the next outer frame: it has no frame of its own on the stack.
  package var isInlined: Bool
  /// Whether the frame was found without call frame information: it may not have called at all.
  package var isGuessed: Bool

  package init(
    address: UInt64, symbol: String?, offset: UInt64 = 0, module: String, moduleOffset: UInt64, source: String? = nil,
    isInlined: Bool = false, isGuessed: Bool = false
  ) {
    self.address = address
    self.symbol = symbol
    self.offset = offset
    self.module = module
    self.moduleOffset = moduleOffset
    self.source = source
    self.isInlined = isInlined
    self.isGuessed = isGuessed
  }
}
