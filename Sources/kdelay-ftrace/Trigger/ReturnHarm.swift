internal import Binaries
internal import TraceSource

/// What a return probe does to a program. The kernel replaces the return address on the stack by that of a page of its own; a
/// program that goes by the addresses on its own stack finds that page instead of its caller.
struct ReturnHarm {
  /// The sections by which programs of some languages are known: those whose garbage collector, or growth of stacks, looks each
  /// return address up.
  private static let languages: [(name: String, sections: [StaticString])] = [
    ("Go", [".go.buildinfo", ".gopclntab", ".note.go.buildid", ".data.rel.ro.gopclntab"]),
    (".NET", ["__managedcode"]), ("GraalVM", [".svm_heap"]),
  ]
  /// The beginning of the names of V8's own functions.
  private static let v8Prefix = "Builtins_"

  private static let throwing: Set<String> = ["__cxa_throw", "_Unwind_RaiseException", "_Unwind_ForcedUnwind"]
  /// The functions that throw in a static program of C++ or Rust. (It has the unwinder's functions in any case.)
  private static let throwingInside: Set<String> = ["__cxa_throw", "__rust_start_panic", "rust_panic"]
  private static let cancelling: Set<String> = ["pthread_exit", "pthread_cancel", "thrd_exit"]

  /// The language whose code the function is, if return probes end its programs.
  static func language(of function: Function, in functions: inout FunctionTable) -> String? {
    for (name, sections) in languages where sections.contains(where: { functions.image.section(named: $0) != nil }) {
      return name
    }
    if function.name.hasPrefix(v8Prefix) { return "JavaScript (V8)" }
    if case .function? = try? functions.find("caml_startup__frametable") { return "OCaml" }
    if function.name.hasPrefix("caml"), function.name.dropFirst(4).first?.isUppercase == true { return "OCaml" }
    return nil
  }

  /// What happens if the code of a file unwinds its own stack by the C run-time library, a sentence each.
  static func unwinding(in functions: inout FunctionTable) -> [String] {
    let (canThrow, canCancel) = abilities(of: &functions)
    return texts(canThrow, canCancel)
  }

  /// What happens if the code of any of these files unwinds its own stack, a sentence each.
  static func unwinding(in files: [CodeFile]) -> [String] {
    var (canThrow, canCancel) = (false, false)
    for file in files.prefix(256) {
      guard let image = try? ELFImage(path: file.link) else { continue }
      var functions = FunctionTable(of: image)
      let found = abilities(of: &functions)
      (canThrow, canCancel) = (canThrow || found.canThrow, canCancel || found.canCancel)
    }
    return texts(canThrow, canCancel)
  }

  private static func texts(_ canThrow: Bool, _ canCancel: Bool) -> [String] {
    [
      canThrow ? "an exception that is thrown through it ends the program" : nil,
      canCancel ? "pthread_exit or a cancellation inside it runs no cleanup handlers" : nil,
    ].compactMap { $0 }
  }

  private static func abilities(of functions: inout FunctionTable) -> (canThrow: Bool, canCancel: Bool) {
    // A static program has it all in itself; a static-pie one has a dynamic section, too, but nothing in it.
    let isStatic = functions.image.interpreter == nil && (try? functions.image.dynamic)?.needed.isEmpty ?? true
    guard isStatic else {
      return (functions.image.firstImport(of: throwing) != nil, functions.image.firstImport(of: cancelling) != nil)
    }
    // The C library's own code has handlers and can raise exceptions, so that only names tell; a stripped program may do both.
    guard let count = try? functions.count, count > 0 else {
      let hasHandlers = functions.image.section(named: ".gcc_except_table") != nil
      return (hasHandlers, hasHandlers)
    }
    return (functions.has(throwingInside), functions.has(cancelling))
  }
}

extension FunctionTable {
  fileprivate mutating func has(_ names: Set<String>) -> Bool {
    names.contains { name in
      switch try? find(name) {
      case .function, .ambiguous, .indirect: true
      case .missing, nil: false
      }
    }
  }
}
