/// The options whose value may be left out.
enum OptionalValues {
  private static let options = ["--syscall-events", "--trigger-delta"]

  /// The arguments with `OPTION=VALUE` of these options as two: swift-argument-parser, which lets a value be left out since 1.7, would
  /// take the option for one without and drop the value without a word. What follows `--` is a command's own.
  static func separated(_ arguments: [String]) -> [String] {
    let end = arguments.firstIndex(of: "--") ?? arguments.count
    let own = arguments[..<end].flatMap { argument -> [String] in
      guard let option = options.first(where: { argument.hasPrefix("\($0)=") }) else { return [argument] }
      return [option, String(argument.dropFirst(option.count + 1))]
    }
    return own + arguments[end...]
  }
}
