internal import TraceModel
internal import Unwinder

/// An image with what is read of it by and by.
final class OpenedImage {
  private(set) var functions: FunctionTable
  private let finder: DebugFileFinder
  private let segments: [ELFSegment]
  /// All loaded segments, those that are not code included.
  private let loaded: [ELFSegment]
  private let entryPoint: UInt64?

  init(_ image: consuming ELFImage, finder: DebugFileFinder) {
    loaded = image.segments.filter(\.isLoaded)
    segments = loaded.filter(\.isExecutable)
    entryPoint = image.entryPoint
    functions = FunctionTable(of: image, finder: finder)
    self.finder = finder
  }

  var is64Bit: Bool { functions.image.is64Bit }

  /// The address that the byte at a file offset has before the image is moved; nil outside of the code.
  func address(ofFileOffset offset: UInt64) -> UInt64? {
    for segment in segments where offset >= segment.fileOffset && offset - segment.fileOffset < segment.fileSize {
      return segment.address &+ (offset - segment.fileOffset)
    }
    // A segment is mapped by whole pages: what lies beside it in the file is mapped with it.
    for segment in segments where offset >= segment.fileOffset & ~0xFFF && segment.fileSize > 0 {
      let (last, overflow) = segment.fileOffset.addingReportingOverflow(segment.fileSize - 1)
      guard !overflow, offset <= last | 0xFFF else { continue }
      return segment.address &+ (offset &- segment.fileOffset)
    }
    return nil
  }

  /// The part of `range` where code of the file belongs, and where in the file it begins, by the place of another mapping of
  /// the file; nil where there is none.
  func code(in range: Range<UInt64>, beside other: CodeMapping) -> (range: Range<UInt64>, fileOffset: UInt64)? {
    // A page of the file can be a part of two segments; a mapping mostly begins with its own.
    let own = loaded.filter { $0.pages.lowerBound == other.fileOffset }
    for anchor in own + loaded.filter({ $0.pages.contains(other.fileOffset) }) {
      // A segment's address in memory is this much above its own.
      let bias = other.start &- anchor.address &- (other.fileOffset &- anchor.fileOffset)
      for segment in segments {
        let (first, end) = (segment.address &+ bias, segment.address &+ bias &+ segment.fileSize)
        let (start, last) = (max(range.lowerBound, first & ~0xFFF), min(range.upperBound, (end &+ 0xFFF) & ~0xFFF))
        if first < end, start < last { return (start..<last, segment.fileOffset &+ (start &- first)) }
      }
    }
    return nil
  }

  func row(for address: UInt64, _ budget: inout FrameBudget) throws(CFIError) -> DescribedRow? {
    try functions.row(for: address, &budget)
  }

  /// The instructions around a file offset.
  func code(aroundFileOffset offset: UInt64) -> CodeWindow {
    let before = min(offset, UInt64(CodeWindow.reach))
    let size = functions.image.bytes.size
    guard offset < size else { return CodeWindow() }
    let count = min(before + UInt64(CodeWindow.reach), size - (offset - before))
    guard let bytes = functions.image.bytes.read(at: offset - before, count: count) else { return CodeWindow() }
    return CodeWindow(bytes, here: Int(before))
  }

  /// Whether a return address lies in the first instructions of the program, which some C libraries write without call
  /// frame information.
  func isEntry(_ address: UInt64) -> Bool {
    guard let entryPoint, entryPoint != 0, address >= entryPoint else { return false }
    return address - entryPoint < 48
  }

  /// The file's own DWARF, else its separate debug file's; nil where there is none, or too much.
  func debugInformation(_ budget: DebugBudget) -> DebugInformation? {
    if DebugSections.hasUnits(functions.image) { return debugInformation(of: functions.image, budget) }
    guard let file = finder.find(for: functions.image) else { return nil }
    return debugInformation(of: file, budget)
  }

  private func debugInformation(of image: borrowing ELFImage, _ budget: DebugBudget) -> DebugInformation? {
    guard let file = finder.findAlternate(of: image) else { return DebugInformation(of: image, budget) }
    return DebugInformation(of: image, alternate: DebugInformation(of: file, budget), budget)
  }

  /// The function whose code an address is a part of.
  func function(containing address: UInt64) -> Function? {
    (try? functions.function(containing: address)) ?? nil
  }
}
