internal import ArgumentParser
internal import CTraceFS

// Whatever is opened next would take the place of one of them that is closed, and get the report or the errors.
kdelay_fill_standard_descriptors()

// Asked for help in general, an operator wants the options of the main job and not just a list of commands.
if ["-h", "--help", "help"].contains(CommandLine.arguments.dropFirst().joined(separator: " ")) {
  Failure.exit(printing: KernelDelay.helpMessage(for: LiveCommand.self))
} else {
  do {
    var command = try KernelDelay.parseAsRoot(OptionalValues.separated(Array(CommandLine.arguments.dropFirst())))
    try command.run()
  } catch {
    Failure.exit(with: error)
  }
}
