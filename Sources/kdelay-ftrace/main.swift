internal import ArgumentParser

do {
  var command = try KernelDelay.parseAsRoot()
  try command.run()
} catch {
  Failure.exit(with: error)
}
