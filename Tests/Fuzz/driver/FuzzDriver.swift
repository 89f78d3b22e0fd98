/// libFuzzer's loop, which calls `test` with input after input.
///
/// The package manager names an executable's entry point after its module, so that libFuzzer's own `main` is not found:
/// each fuzzer has one of that name, which calls this.
@_silgen_name("LLVMFuzzerRunDriver")
package func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

/// Takes numbers from the front of an input; zeros when it is used up.
package struct FuzzInput {
  package private(set) var rest: UnsafeRawBufferPointer

  package init(_ start: UnsafePointer<UInt8>, _ count: Int) {
    rest = UnsafeRawBufferPointer(start: start, count: count)
  }

  package mutating func next<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type = Value.self) -> Value {
    let size = MemoryLayout<Value>.size
    guard rest.count >= size else {
      rest = UnsafeRawBufferPointer(rebasing: rest[rest.count...])
      return 0
    }
    defer { rest = UnsafeRawBufferPointer(rebasing: rest[size...]) }
    return rest.loadUnaligned(as: Value.self)
  }

  /// The next `count` bytes, or what is left.
  package mutating func take(_ count: Int) -> [UInt8] {
    let taken = min(count, rest.count)
    defer { rest = UnsafeRawBufferPointer(rebasing: rest[taken...]) }
    return Array(rest[..<taken])
  }
}
