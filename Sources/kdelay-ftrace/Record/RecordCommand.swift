internal import ArgumentParser

/// A capture that is recorded, to be reported on later or elsewhere.
struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record",
    abstract: "Record a process, to report on it later or on another machine.",
    usage: "kdelay-ftrace record [<options>] [-p <pid> ... | -- <command> ...] -o <dir>",
    discussion: """
      The recording is <dir>/trace.dat, and with -s <dir>/perf.data: files that trace-cmd,
      KernelShark and perf open too. What is recorded is what a capture with the same
      options would report; `report -i <dir>` prints that, and takes other windows,
      thresholds and formats.

      A recording ends when its windows do: with --when, --look-back, or a command, when
      the target ends. SIGINT and SIGTERM end it at any time.

      Example:
        kdelay-ftrace record -p 1234 --sample-time 60 -s 1000000 -o /tmp/slow
        kdelay-ftrace report -i /tmp/slow --when 'syscall>20ms'
      """)

  @OptionGroup var capture: CaptureOptions

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Make the recording in this directory, a new one.", valueName: "dir"))
  var output: String

  func run() throws {
    ReaderPriority.raise()
    let session = try LiveSession.prepare(
      capture, Signals(), nil, recording: RecordingRequest(directory: output, isReported: false))
    try session.run()
  }
}
