// swift-tools-version: 6.1
import Foundation
import PackageDescription

/// CI turns warnings into errors; a user's newer compiler must not.
let strict = ProcessInfo.processInfo.environment["KDELAY_STRICT"] != nil

let settings: [SwiftSetting] =
  [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
  ] + (strict ? [.unsafeFlags(["-warnings-as-errors"])] : [])

/// The fuzzers have no `main` of their own: they exist only in a build with `-sanitize=fuzzer` (see Tests/Fuzz/run).
func fuzzers(library: String) -> [Target] {
  let dependencies: [(name: String, of: [Target.Dependency])] = [
    ("page-fuzzer", ["TraceModel", "TraceFormat", "Aggregator"]),
    ("cfi-fuzzer", ["TraceModel", "Unwinder"]),
    ("unwind-fuzzer", ["TraceModel", "Unwinder", "Binaries"]),
    ("debug-fuzzer", ["TraceModel", "Unwinder", "Binaries"]),
    (
      "perf-fuzzer",
      [
        "TraceModel", "TraceFormat", "TraceFile", "TraceSource",
        .product(name: "SystemPackage", package: "swift-system"),
      ]
    ),
    ("trace-dat-fuzzer", ["TraceModel", "TraceFormat", "TraceFile"]),
    ("code-fuzzer", ["Disassembler", "TraceModel", "TraceSource", "Binaries"]),
  ]
  return [.target(name: "FuzzDriver", path: "Tests/Fuzz/driver", swiftSettings: settings)]
    + dependencies.map { fuzzer in
      .executableTarget(
        name: fuzzer.name, dependencies: fuzzer.of + ["FuzzDriver"], path: "Tests/Fuzz/\(fuzzer.name)",
        swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])],
        linkerSettings: [.unsafeFlags(["-Xlinker", library, "-lstdc++"])])
    }
}

let package = Package(
  name: "kdelay-ftrace",
  products: [.executable(name: "kdelay-ftrace", targets: ["kdelay-ftrace"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
  ],
  targets: [
    .systemLibrary(name: "CTraceFS"),
    .systemLibrary(
      name: "CTraceEvent", path: "Tests/CTraceEvent", pkgConfig: "libtraceevent",
      providers: [.apt(["libtraceevent-dev"])]),
    .systemLibrary(
      name: "CElfUtils", pkgConfig: "libdw",
      providers: [.apt(["libdw-dev"])]),
    .systemLibrary(
      name: "CCapstone", pkgConfig: "capstone",
      providers: [.apt(["libcapstone-dev"])]),
    .systemLibrary(
      name: "CCompression", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev", "zlib1g-dev"])]),
    .target(name: "TraceModel", swiftSettings: settings),
    .target(
      name: "SystemCalls", dependencies: [.product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: settings),
    .target(name: "TraceFormat", dependencies: ["TraceModel"], swiftSettings: settings),
    .target(
      name: "TraceFile",
      dependencies: [
        "CCompression", "CTraceFS", "SystemCalls", "TraceFormat", "TraceModel",
        .product(name: "SystemPackage", package: "swift-system"),
      ], swiftSettings: settings),
    .target(
      name: "TraceSource",
      dependencies: [
        "CTraceFS", "SystemCalls", "TraceFile", "TraceFormat", "TraceModel",
        .product(name: "SystemPackage", package: "swift-system"),
      ], swiftSettings: settings),
    .target(name: "Aggregator", dependencies: ["TraceModel"], swiftSettings: settings),
    .target(name: "Unwinder", dependencies: ["TraceModel"], swiftSettings: settings),
    .target(
      name: "Binaries", dependencies: ["SystemCalls", "TraceModel", "Unwinder", "CElfUtils"], swiftSettings: settings),
    .target(name: "Disassembler", dependencies: ["CCapstone"], swiftSettings: settings),
    .target(
      name: "Session", dependencies: ["TraceModel", "Aggregator", "Unwinder"], swiftSettings: settings),
    .target(
      name: "Report", dependencies: ["TraceModel", "Aggregator", "Session"], swiftSettings: settings),
    .executableTarget(
      name: "kdelay-ftrace",
      dependencies: [
        "SystemCalls", "TraceModel", "TraceFormat", "TraceFile", "TraceSource", "Aggregator", "Unwinder", "Binaries",
        "Disassembler", "Session", "Report",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ], swiftSettings: settings),
    .target(name: "CAllocations", path: "Benchmarks/allocations"),
    .executableTarget(
      name: "page-replay",
      dependencies: ["CAllocations", "TraceModel", "TraceFormat", "TraceFile", "Aggregator"],
      path: "Benchmarks/pages", swiftSettings: settings),
    .executableTarget(
      name: "stack-sampling", dependencies: ["Binaries", "TraceFile", "TraceFormat", "TraceModel", "TraceSource"],
      path: "Benchmarks/stacks", exclude: ["cost.py"], swiftSettings: settings),
    .executableTarget(
      name: "stack-replay",
      dependencies: ["CAllocations", "TraceModel", "TraceFormat", "TraceFile", "TraceSource", "Unwinder", "Binaries"],
      path: "Benchmarks/replay", exclude: ["compare.py", "measure.py", "sleeper.c"], swiftSettings: settings),
    .target(name: "CThreads", path: "Tests/CThreads"),
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
    .testTarget(
      name: "AggregatorTests", dependencies: ["TraceModel", "Aggregator", "TestSupport"],
      swiftSettings: settings),
    .target(
      name: "StackSnapshot", dependencies: ["TraceModel", "TraceSource", "Unwinder", "Binaries"],
      path: "Tests/Stacks/StackSnapshot",
      swiftSettings: settings),
    .executableTarget(
      name: "stack-walk", dependencies: ["StackSnapshot", "Unwinder", "Binaries"], path: "Tests/Stacks/stack-walk",
      swiftSettings: settings),
    .testTarget(
      name: "UnwinderTests", dependencies: ["TraceModel", "Unwinder", "TestSupport"], swiftSettings: settings),
    .testTarget(
      name: "BinariesTests", dependencies: ["TraceModel", "Unwinder", "Binaries", "StackSnapshot", "TestSupport"],
      swiftSettings: settings),
    .testTarget(name: "DisassemblerTests", dependencies: ["Disassembler"], swiftSettings: settings),
    .testTarget(
      name: "ReportTests", dependencies: ["TraceModel", "Aggregator", "Report", "Session"], exclude: ["Golden"],
      swiftSettings: settings),
    .testTarget(
      name: "SessionTests", dependencies: ["Aggregator", "Session", "TestSupport", "TraceModel", "Unwinder"],
      swiftSettings: settings),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "Aggregator", "Binaries", "Session", "TestSupport", "TraceFormat", "TraceModel", "TraceSource", "kdelay-ftrace",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: settings),
    .target(
      name: "TraceTestSupport", dependencies: ["TraceModel", "TraceFormat", "TraceFile"],
      path: "Tests/TraceTestSupport", swiftSettings: settings),
    .testTarget(
      name: "TraceFormatTests",
      dependencies: ["CTraceEvent", "TestSupport", "TraceFile", "TraceFormat", "TraceModel", "TraceTestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "TraceFileTests",
      dependencies: ["Aggregator", "TestSupport", "TraceFile", "TraceFormat", "TraceModel", "TraceTestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "RecordingTests",
      dependencies: [
        "Aggregator", "Report", "Session", "TraceFile", "TraceFormat", "TraceModel", "TraceTestSupport",
        "kdelay-ftrace", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: settings),
    .testTarget(
      name: "TraceSourceTests",
      dependencies: [
        "CThreads", "CTraceFS", "SystemCalls", "TestSupport", "TraceFile", "TraceFormat", "TraceModel", "TraceSource",
        "TraceTestSupport",
        .product(name: "SystemPackage", package: "swift-system"),
      ], swiftSettings: settings),
  ] + (ProcessInfo.processInfo.environment["KDELAY_FUZZ"].map(fuzzers) ?? []),
  swiftLanguageModes: [.v6]
)
