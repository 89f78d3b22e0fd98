internal import ArgumentParser

/// The command line. Capturing live is what it does when no subcommand is named.
struct KernelDelay: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kdelay-ftrace",
    abstract: "Tell whether the kernel is to blame for a process's latency, by ftrace and without eBPF.",
    version: "0.1.0",
    subcommands: [
      LiveCommand.self, RecordCommand.self, ReportCommand.self, ListCommand.self, DoctorCommand.self,
      SchemaCommand.self,
    ],
    defaultSubcommand: LiveCommand.self)
}
