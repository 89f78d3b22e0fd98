// Recorded pages through the tool's own reader: how long each stage takes per event on one thread.
//
// usage: page-replay DIRECTORY [FORMATS [SUB_BUFFER_BYTES]]
//
// DIRECTORY has the pages, `cpuN.raw`; FORMATS the kernel's formats, by default there or in the directory above.

internal import CAllocations
internal import Glibc
internal import TraceFile

let arguments = Array(CommandLine.arguments.dropFirst())
guard (1...3).contains(arguments.count), arguments.count < 3 || Int(arguments[2]) != nil else {
  print("usage: page-replay DIRECTORY [FORMATS [SUB_BUFFER_BYTES]]")
  exit(64)
}

func run(_ arguments: [String]) throws {
  let benchmark = try PageBenchmark(
    try RecordedCapture.open(
      arguments[0], formats: arguments.count > 1 ? arguments[1] : nil,
      pageSize: arguments.count > 2 ? Int(arguments[2]) : nil))
  measure(benchmark)
  let repeated = benchmark.allocations()
  print("allocations: \(repeated.count) for \(repeated.events) events taken in a second time")
}

/// The stages take turns, so that a machine that slows down slows all of them.
func measure(_ benchmark: borrowing PageBenchmark) {
  let rounds = 9
  var decode = benchmark.pipeline(.decode)
  var merge = benchmark.pipeline(.merge)
  var aggregate = benchmark.pipeline(.aggregate)
  let events = benchmark.measure(&decode, passes: 1).events
  _ = benchmark.measure(&merge, passes: 1)
  _ = benchmark.measure(&aggregate, passes: 1)
  /// Passes over the recording in a turn: at least four million events.
  let passes = max(1, 4_000_000 / max(1, events))
  var times: [PageBenchmark.Stage: [Double]] = [:]
  for _ in 0..<rounds {
    times[.decode, default: []].append(benchmark.measure(&decode, passes: passes).time)
    times[.merge, default: []].append(benchmark.measure(&merge, passes: passes).time)
    times[.aggregate, default: []].append(benchmark.measure(&aggregate, passes: passes).time)
  }
  for stage in PageBenchmark.Stage.allCases {
    let best = times[stage]?.min() ?? 0
    print(
      "\(stage): \(text(best, decimals: 1)) ns per event (best of \(rounds) x \(passes) passes over \(events) events)")
  }
  let whole = times[.aggregate] ?? []
  let ratios = zip(whole, times[.decode] ?? []).map { $0 / $1 }.sorted()
  print("ratio: \(text(ratios[rounds / 2], decimals: 2)) times decoding alone (median of \(rounds) rounds)")
}

func text(_ number: Double, decimals: Int) -> String {
  var digits = String(Int((number * (decimals == 1 ? 10 : 100)).rounded()))
  while digits.count <= decimals { digits = "0" + digits }
  return "\(digits.dropLast(decimals)).\(digits.suffix(decimals))"
}

do { try run(arguments) } catch {
  print("error: \(error)")
  exit(65)
}
