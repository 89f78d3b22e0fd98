internal import Glibc

/// Turns linked names into the source's: C++ and Swift by the languages' own run-time libraries, which a Swift program has
/// loaded; Rust's v0 names by `RustName`, since no such library knows them.
///
/// The libraries are looked up at run time: a static build has neither, and shows their names as they are linked.
struct Demangler: Sendable {
  /// `char *__cxa_demangle(const char *name, char *buffer, size_t *length, int *status)` of the Itanium C++ ABI.
  private typealias CXX =
    @convention(c) @Sendable (
      UnsafePointer<CChar>, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int>?, UnsafeMutablePointer<Int32>?
    ) -> UnsafeMutablePointer<CChar>?
  /// `char *swift_demangle(const char *name, size_t length, char *buffer, size_t *size, uint32_t flags)`
  private typealias Swift =
    @convention(c) @Sendable (
      UnsafePointer<CChar>, Int, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int>?, UInt32
    ) -> UnsafeMutablePointer<CChar>?

  static let shared = Demangler()

  /// The most bytes of a name that is demangled. A longer one is left as it is: what a name expands to can grow with the power of
  /// its length.
  private static let lengthLimit = 4096

  private let cxx: CXX?
  private let swift: Swift?

  private init() {
    cxx = Self.symbol("__cxa_demangle", in: "libstdc++.so.6").map { unsafeBitCast($0, to: CXX.self) }
    swift = Self.symbol("swift_demangle", in: "libswiftCore.so").map { unsafeBitCast($0, to: Swift.self) }
  }

  private static func symbol(_ name: String, in library: String) -> UnsafeMutableRawPointer? {
    // A null handle is RTLD_DEFAULT: whatever is loaded.
    if let found = dlsym(nil, name) { return found }
    guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else { return nil }
    return dlsym(handle, name)
  }

  /// The name as `c++filt` prints it; nil if it is not a C++ (or a legacy Rust) name.
  func cxxName(_ name: String) -> String? {
    guard let cxx, name.utf8.starts(with: "_Z".utf8), name.utf8.count <= Self.lengthLimit, CXXNameSize.isBounded(name)
    else { return nil }
    return take(cxx(name, nil, nil, nil))
  }

  private static let swiftPrefixes: [StaticString] = ["$s", "$S", "$e", "_$s", "_$S", "_T0"]

  private static func isSwift(_ name: String) -> Bool {
    swiftPrefixes.contains { prefix in prefix.withUTF8Buffer { name.utf8.starts(with: $0) } }
  }

  /// The name as `swift demangle` prints it; nil if it is not a Swift name.
  func swiftName(_ name: String) -> String? {
    guard let swift, Self.isSwift(name), name.utf8.count <= Self.lengthLimit,
      let found = take(swift(name, name.utf8.count, nil, nil, 0))
    else { return nil }
    return found == name ? nil : found
  }

  /// The name as `rustc` prints it, without crates' hashes; nil if it is not one of Rust's v0 names.
  func rustName(_ name: String) -> String? {
    name.utf8.count <= Self.lengthLimit ? RustName.demangle(name) : nil
  }

  /// The name as the source has it, a Rust name without the hash that the compiler adds; nil if it is not mangled.
  func readable(_ name: String) -> String? {
    swiftName(name) ?? rustName(name) ?? cxxName(name).map { RustNameForm($0)?.path ?? $0 }
  }

  private func take(_ text: UnsafeMutablePointer<CChar>?) -> String? {
    guard let text else { return nil }
    defer { free(text) }
    return String(cString: text)
  }
}
