internal import TraceSource
internal import Unwinder

/// What a return probe does to a program. The kernel replaces the return address on the stack by that of a page of its own; a
/// program that goes by the addresses on its own stack finds that page instead of its caller.
struct ReturnHarm {
  /// What languages whose run-time systems read their own stacks leave in a program: their garbage collectors, or the growth
  /// of their stacks, look each return address up.
  private static let languages: [(name: String, sections: [StaticString])] = [
    ("Go", [".go.buildinfo", ".gopclntab", ".note.go.buildid", ".data.rel.ro.gopclntab"]),
    (".NET", ["__managedcode"]), ("GraalVM", [".svm_heap"]),
  ]
  /// Functions that begin so are V8's own code.
  private static let v8Prefix = "Builtins_"

  private static let throwing: Set<String> = ["__cxa_throw", "_Unwind_RaiseException", "_Unwind_ForcedUnwind"]
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

  /// How a program that has these files unwinds its own stack by the C run-time library: what it does, and what then happens.
  static func unwinding(in files: [CodeFile]) -> [String] {
    var canThrow = false
    var canCancel = false
    for file in files.prefix(256) {
      guard let image = try? ELFImage(path: file.link) else { continue }
      let isStatic = image.section(named: ".dynsym") == nil
      canThrow = canThrow || image.firstImport(of: throwing) != nil
      // A static program has it all in itself.
      canThrow = canThrow || (isStatic && image.section(named: ".gcc_except_table") != nil)
      canCancel = canCancel || image.firstImport(of: cancelling) != nil
    }
    return [
      canThrow ? "an exception that is thrown through it ends the program" : nil,
      canCancel ? "pthread_exit or a cancellation inside it runs no cleanup handlers" : nil,
    ].compactMap { $0 }
  }
}
