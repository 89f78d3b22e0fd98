extension ModuleTable {
  /// The `count` bytes of code before an address, at most 16; nil where nothing tells: memory without a file, a file that
  /// cannot be read.
  package func code(before address: UInt64, count: Int, in space: borrowing AddressSpace) -> [UInt8]? {
    guard address > UInt64(count), let mapping = space.mapping(containing: address - UInt64(count)),
      mapping.contains(address - 1), let image = self[mapping.module]?.open()
    else { return nil }
    let window = image.code(aroundFileOffset: mapping.offset(of: address - UInt64(count)))
    let bytes = (0..<count).compactMap { window[$0] }
    return bytes.count == count ? bytes : nil
  }
}
