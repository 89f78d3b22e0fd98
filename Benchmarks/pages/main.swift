// Recorded pages through the tool's own pipeline: how long it takes per event on one thread, or the report of them.
//
// usage: page-replay [--report] FORMATS_DIRECTORY SUB_BUFFER_BYTES FILE.raw...   (one file per CPU)

internal import CAllocations
internal import Glibc
internal import Report

var arguments = Array(CommandLine.arguments.dropFirst())
let wantsReport = arguments.first == "--report"
if wantsReport { arguments.removeFirst() }
guard arguments.count >= 3, let pageSize = Int(arguments[1]),
  let recording = Recording(formats: arguments[0], pageSize: pageSize, files: Array(arguments[2...]))
else {
  print("usage: page-replay [--report] FORMATS_DIRECTORY SUB_BUFFER_BYTES FILE.raw...")
  exit(64)
}
if wantsReport {
  print(TextRenderer().render(PageBenchmark.sample(recording)), terminator: "")
  exit(0)
}

/// Passes over the recording per measurement: at least 4 million events.
let events = PageBenchmark.run(recording, .decode)
let passes = max(1, 4_000_000 / max(1, events))
for stage in PageBenchmark.Stage.allCases {
  var best = Double.infinity
  for _ in 0..<5 {
    let before = PageBenchmark.cpuTime()
    var count = 0
    for _ in 0..<passes { count += PageBenchmark.run(recording, stage) }
    best = min(best, Double(PageBenchmark.cpuTime() - before) / Double(count))
  }
  let tenths = Int((best * 10).rounded())
  print("\(stage): \(tenths / 10).\(tenths % 10) ns per event (best of 5 x \(passes) passes over \(events) events)")
}

// A second time around, everything that grows with threads, syscalls and CPUs is there: what is left would be per event.
let repeated = PageBenchmark.allocations(recording)
print("allocations: \(repeated.count) for \(repeated.events) events taken in a second time")
