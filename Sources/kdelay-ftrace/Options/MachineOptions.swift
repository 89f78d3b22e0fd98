internal import ArgumentParser

/// What the capture takes of the machine.
struct MachineOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Give each CPU a kernel buffer of so many pages of 4 KiB, rounded up to a power of two (default: 8192, less where memory is short).",
      valueName: "n"))
  var bufferPageCount: Int?

  @Flag(
    help: ArgumentHelp(
      "Record what every cause needs: who has the CPUs of the whole machine, where in the kernel threads wait, page faults, locks."
    ))
  var blame = false

  @Flag(help: "Leave Open vSwitch's upcalls out.")
  var skipUpcallStats = false

  @Flag(name: [.customShort("D"), .long], help: "Say on stderr what is written to tracefs and what was detected.")
  var debug = false

  func validate() throws {
    // 2^28 pages are a terabyte per CPU.
    if let pages = bufferPageCount, !(1...(1 << 28)).contains(pages) {
      throw ValidationError("--buffer-page-count must be 1 to 268435456, not \(pages)")
    }
  }
}
