internal import ArgumentParser
internal import TraceFile

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

      With --max-size the newest is kept, in segments: <dir>/000001, <dir>/000002, ...;
      report takes all of them, or one.

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

  @Option(
    help: ArgumentHelp(
      "Keep the newest of the recording: at most so many bytes (suffixes K, M, G), in segments, each a recording in a directory of its own.",
      valueName: "bytes"))
  var maxSize: ByteCount?

  @Option(help: ArgumentHelp("With --max-size: keep so many segments (default: 4).", valueName: "n"))
  var rotate: Int?

  @Option(
    help: ArgumentHelp(
      "Write this version of trace.dat: 7, or 6 for readers older than trace-cmd 3.0.", valueName: "6|7"))
  var traceDatVersion = 7

  @Option(
    help: ArgumentHelp("End the recording when less than this is free of its file system.", valueName: "percent"))
  var diskReserve = 5.0

  func validate() throws {
    if rotate != nil, maxSize == nil { throw ValidationError("--rotate needs a size: add --max-size BYTES") }
    if let rotate, !(2...10000).contains(rotate) {
      throw ValidationError("--rotate must be 2 to 10000 segments, not \(rotate)")
    }
    if let maxSize, maxSize.bytes < RecordCommand.smallest {
      throw ValidationError("--max-size must be at least \(RecordCommand.smallest >> 20)M, not \(maxSize.bytes) bytes")
    }
    if ![6, 7].contains(traceDatVersion) {
      throw ValidationError("--trace-dat-version must be 6 or 7, not \(traceDatVersion)")
    }
    if !(diskReserve >= 0 && diskReserve < 100) {
      throw ValidationError("--disk-reserve must be 0 to 99 percent, not \(diskReserve)")
    }
  }

  /// The least that all segments may have, bytes: the names of the kernel's functions alone are some megabytes in each.
  private static let smallest: UInt64 = 32 << 20

  private var limits: RecordingLimits {
    var limits = RecordingLimits(reserve: diskReserve)
    if let maxSize {
      limits.segments = rotate ?? 4
      limits.size = maxSize.bytes
    }
    return limits
  }

  func run() throws {
    ReaderPriority.raise()
    try limits.requireRoom(output)
    let session = try LiveSession.prepare(
      capture, Signals(), nil,
      recording: RecordingRequest(
        directory: output, isReported: false, limits: limits, version: traceDatVersion == 6 ? .six : .seven))
    try session.run()
  }
}
