internal import ArgumentParser

// Asked for help in general, an operator wants the options of the main job and not just a list of commands.
if ["-h", "--help", "help"].contains(CommandLine.arguments.dropFirst().joined(separator: " ")) {
  print(KernelDelay.helpMessage(for: LiveCommand.self))
} else {
  do {
    var command = try KernelDelay.parseAsRoot()
    try command.run()
  } catch {
    Failure.exit(with: error)
  }
}
