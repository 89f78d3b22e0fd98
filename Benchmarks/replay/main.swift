// The samples of a perf.data file through the unwinder: for comparisons with perf, and for how long it takes. The files that
// the recording names have to be there as they were.
//
// usage: stack-replay [--depth N] [--offsets | --time | --first NAME] FILE
//
//   (neither)     each sample's frames with their names, as `perf script -F tid,time,ip,sym` prints them
//   --offsets     a line a sample: tid, time in ns, the end of the stack, and of each frame the place in its file that perf
//                 prints as its ip, with a mark where it is guessed
//   --time        ns per frame when all code has been seen, of five passes over the samples in memory
//   --first NAME  the first stack that goes through the file NAME, with lines and inlined functions, and how long it took from
//                 the start, ms

internal import Glibc
internal import TraceModel
internal import TraceSource
internal import Unwinder

struct Options {
  enum Mode { case names, offsets, time, first(String) }

  var mode = Mode.names
  var depth = 1024
  var path = ""

  init?(_ arguments: some Sequence<String>) {
    var rest = arguments.makeIterator()
    while let argument = rest.next() {
      switch argument {
      case "--depth":
        guard let text = rest.next(), let depth = Int(text) else { return nil }
        self.depth = depth
      case "--offsets": mode = .offsets
      case "--time": mode = .time
      case "--first":
        guard let name = rest.next() else { return nil }
        mode = .first(name)
      default:
        guard path.isEmpty, !argument.hasPrefix("-") else { return nil }
        path = argument
      }
    }
    if path.isEmpty { return nil }
  }
}

func run(_ options: Options) throws {
  switch options.mode {
  case .names:
    var printer = StackPrinter(findsSources: false)
    try printer.printAll(options.path, depth: options.depth)
  case .first(let name):
    var printer = StackPrinter(findsSources: true)
    try printer.printFirst(options.path, through: name)
  case .offsets: try StackPrinter.printOffsets(options.path, depth: options.depth)
  case .time: try UnwindBenchmark.run(options.path, depth: options.depth)
  }
}

guard let options = Options(CommandLine.arguments.dropFirst()) else {
  print("usage: stack-replay [--depth N] [--offsets | --time | --first NAME] FILE")
  exit(64)
}
do { try run(options) } catch {
  print("error: \(error)")
  exit(1)
}
