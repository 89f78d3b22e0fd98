internal import ArgumentParser
internal import Report

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Print the JSON Schema of the JSON report.")

  func run() throws {
    var output = try ReportOutput(path: nil)
    try output.write(JSONSchema.text)
    try output.finish()
  }
}
