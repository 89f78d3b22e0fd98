package import TraceModel

/// What the unwinder asks of the files that code is mapped from.
///
/// It is asked for a mapping that is new and for a rule that is not cached, never for a frame whose code was seen before. The
/// `ModuleTable` of `Binaries` reads ELF files; a test's can be a script.
package protocol CodeSource: AnyObject {
  /// The module of a file, or of an image like `[vdso]`, that process `pid` has mapped; `.anonymous` where it cannot be one.
  func module(of mapping: CodeMapping, in pid: Int32) -> ModuleID

  /// The part of `range` where code of the module's file belongs, and where in the file it begins, by the place of another mapping of
  /// the file; nil where there is none.
  func code(of module: ModuleID, in range: Range<UInt64>, beside mapping: CodeMapping) -> (
    range: Range<UInt64>, fileOffset: UInt64
  )?

  /// Whether the module is a 64-bit image that can be read.
  func is64Bit(_ module: ModuleID) -> Bool

  /// The address that the byte at a file offset has before the image is moved; nil outside of the code.
  func address(ofFileOffset offset: UInt64, in module: ModuleID) -> UInt64?

  /// The row of call frame information of `address` (before the image is moved), and the section in which its expressions lie; nil
  /// if nothing describes that code.
  func row(for address: UInt64, in module: ModuleID, _ budget: inout FrameBudget) throws(CFIError) -> DescribedRow?

  /// The instructions around a file offset; empty where they cannot be read.
  func code(aroundFileOffset offset: UInt64, in module: ModuleID) -> CodeWindow

  /// Whether a return address (before the image is moved) lies in the first instructions of the program, which some C libraries
  /// write without call frame information.
  func isEntry(_ address: UInt64, in module: ModuleID) -> Bool

  /// Process `child` is a copy of `parent`, with the same root directory.
  func copyProcess(_ parent: Int32, to child: Int32)

  /// Process `pid` is over, and nothing more of it is asked for; its number may be another one's next time.
  func forgetProcess(_ pid: Int32)
}

/// A row of call frame information, and the section that it is from.
package typealias DescribedRow = (row: CFIRow, section: FrameSection)

extension CodeSource {
  /// The `count` bytes of code before an address, at most 16; nil where nothing tells: memory without a file, a file that
  /// cannot be read.
  func code(before address: UInt64, count: Int, in space: borrowing AddressSpace) -> [UInt8]? {
    guard address > UInt64(count), let mapping = space.mapping(containing: address - UInt64(count)),
      mapping.contains(address - 1), mapping.module.isImage
    else { return nil }
    let window = code(aroundFileOffset: mapping.offset(of: address - UInt64(count)), in: mapping.module)
    let bytes = (0..<count).compactMap { window[$0] }
    return bytes.count == count ? bytes : nil
  }
}
