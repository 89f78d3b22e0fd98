/// Why the kernel refused a command, in its own words.
enum KernelReason {
  /// `error_log` (kernel 5.3) holds the last few refusals of anybody:
  ///
  ///     [  118.012345] trace_kprobe: error: Failed to register probe event
  ///       Command: p:group/event function
  ///                  ^
  static func read(_ tracefs: any TracefsAccess, _ path: String = "error_log", for command: String) -> String? {
    guard let text = try? tracefs.read(path) else { return nil }
    var reason: String?
    var found: String?
    for line in text.split(separator: "\n") {
      if let start = line.firstRange(of: ": error: ") {
        reason = String(line[start.upperBound...])
      } else if let start = line.firstRange(of: "Command: "), line[start.upperBound...].contains(command) {
        found = reason
      }
    }
    return found
  }
}
