// How long decoding, merging and aggregating recorded pages takes, per event, on one thread.
//
// usage: page-bench FORMATS_DIRECTORY SUB_BUFFER_BYTES FILE.raw...   (one file per CPU)

internal import CAllocations
internal import Glibc

guard CommandLine.arguments.count >= 4, let pageSize = Int(CommandLine.arguments[2]),
  let recording = Recording(
    formats: CommandLine.arguments[1], pageSize: pageSize, files: Array(CommandLine.arguments[3...]))
else {
  print("usage: page-bench FORMATS_DIRECTORY SUB_BUFFER_BYTES FILE.raw...")
  exit(64)
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
