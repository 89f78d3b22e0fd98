internal import FuzzDriver
internal import Glibc
internal import TraceModel

@testable import Binaries
@testable import Unwinder

// Lengths of the sections that libdw reads, two bytes each, and then their bytes: an image is put around them, and what its
// debug information says of its code is asked for. Nothing may crash, hang or grow.

@_cdecl("debug_fuzzer_main")
func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  var count = count
  var arguments = arguments
  return runFuzzer(&count, &arguments) { fuzzOneInput($0, $1) }
}

/// A file that is written anew for each input.
private let file = fileno(tmpfile())

func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var input = FuzzInput(start, count)
  let lengths = FuzzImage.names.map { _ in Int(input.next(UInt16.self)) }
  let image = FuzzImage(lengths.map { input.take($0) })
  guard ftruncate(file, 0) == 0, pwrite(file, image.bytes, image.bytes.count, 0) == image.bytes.count else { return 0 }
  let modules = ModuleTable()
  let module = modules.add(
    ModuleIdentity(path: "/proc/self/fd/\(file)"), finder: DebugFileFinder(roots: []))
  var symbolizer = Symbolizer()
  for offset in stride(from: FuzzImage.code, to: FuzzImage.code + FuzzImage.codeSize, by: 24) {
    let frame = Frame(code: .instruction(offset), isGuessed: false, module: module, offset: offset)
    let found = symbolizer.frames(of: StackPlace(frame), in: modules[module]?.reference)
    precondition((1...257).contains(found.count) && !found[found.count - 1].isInlined)
  }
  return 0
}
