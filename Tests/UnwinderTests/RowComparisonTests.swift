import Foundation
import Testing

@testable import Unwinder

/// Rows of real files' call frame information, against readelf's reading of them.
struct RowComparisonTests {
  /// Every row of these; of larger files the first ones and then one of `stride`.
  static let files: [(path: String, first: Int, stride: Int)] = {
    let isWhole = ProcessInfo.processInfo.environment["KDELAY_ALL_ROWS"] != nil
    let (first, stride) = isWhole ? (Int(Int32.max), 1) : (3000, 97)
    return [
      ("/usr/lib/x86_64-linux-gnu/libc.so.6", Int(Int32.max), 1),
      ("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", first, stride),
      ("/usr/lib/x86_64-linux-gnu/libstdc++.so.6", first, stride),
      ("/usr/lib/postgresql/15/bin/postgres", first, stride),
      ("/usr/sbin/ovs-vswitchd", first, stride),
      ("/usr/bin/python3", first, stride),
    ] + (isWhole ? [("/usr/bin/perf", first, stride), ("/opt/swift/usr/bin/swift-frontend", 100_000, 31)] : [])
  }()

  @Test("Every row of real programs and libraries is as readelf reads it", arguments: files)
  func realFiles(path: String, first: Int, stride: Int) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    try compare(path, first: first, stride: stride)
  }

  @Test("Rows of C++, static, without the search table, and of .debug_frame alone are as readelf reads them")
  func builtFiles() throws {
    let fixture = try Fixture()
    try fixture.write("a.cc", Self.cxx)
    try fixture.write(
      "b.c",
      """
      int f(int x) { int a[100]; for (int i = 0; i < 100; i++) a[i] = x * i; return a[x] + a[3]; }
      int main(int c, char **v) { return f(c) + f(c + 1); }
      """)
    try fixture.run(
      """
      g++ -O3 -fomit-frame-pointer -o fast a.cc
      g++ -O2 -static -o whole a.cc
      g++ -O2 -static-pie -o pie a.cc
      gcc -O1 -g -fno-asynchronous-unwind-tables -fno-unwind-tables -nostdlib -static -Wl,-emain -o debug b.c
      cp fast headless && objcopy --remove-section=.eh_frame_hdr headless
      """)
    for name in ["fast", "whole", "pie", "headless", "debug"] {
      try compare(fixture.path(name), first: .max, stride: 1)
    }
  }

  @Test("Without section headers the program header leads to the same rows")
  func withoutSections() throws {
    let fixture = try Fixture()
    try fixture.write("a.cc", Self.cxx)
    try fixture.run("g++ -O2 -o whole a.cc && cp whole bare")
    // e_shoff, e_shnum and e_shstrndx are 0 where section headers are cut off.
    let file = try #require(FileHandle(forUpdatingAtPath: fixture.path("bare")))
    for (offset, count) in [(40, 8), (60, 4)] {
      try file.seek(toOffset: UInt64(offset))
      try file.write(contentsOf: Data(count: count))
    }
    try file.close()
    try compare(fixture.path("bare"), oracle: fixture.path("whole"), first: .max, stride: 1)
  }

  private static let cxx = """
    #include <functional>
    #include <map>
    #include <stdexcept>
    #include <string>
    #include <vector>
    #include <alloca.h>
    #include <immintrin.h>
    __attribute__((noinline, target("avx"))) double wide(const double *p, int n) {
      __m256d sums[4] = {};
      for (int i = 0; i < n; i++) sums[i % 4] = _mm256_add_pd(sums[i % 4], _mm256_loadu_pd(p + i));
      alignas(64) volatile double out[8] = {}; for (int i = 0; i < 4; i++) out[i] = sums[i][i]; return out[n % 4];
    }
    __attribute__((noinline)) int deep(int n, const std::function<int(int)> &f) {
      char *p = static_cast<char *>(alloca(n + 1)); p[n / 2] = f(n); return p[n / 2];
    }
    int main(int c, char **v) {
      std::map<std::string, std::vector<int>> m; double d[64] = {};
      try {
        m[v[0]].push_back(deep(c * 3, [&](int x) { if (x > 100) throw std::runtime_error("x"); return x + c; }));
      } catch (const std::exception &e) { return 1; }
      return m.size() + static_cast<int>(wide(d, c));
    }
    """

  private func compare(_ path: String, oracle: String? = nil, first: Int, stride: Int) throws {
    let fixture = try Fixture()
    try fixture.write("rows.awk", RowOracle.program)
    let lines = try fixture.run(
      """
      readelf --debug-dump=frames-interp \(oracle ?? path) 2>/dev/null |
        awk -v first=\(min(first, Int(Int32.max))) -v stride=\(stride) -f rows.awk
      """
    ).split(separator: "\n")
    let opened = OpenedImage(try ELFImage(path: path), finder: DebugFileFinder())
    var budget = FrameBudget()
    var (compared, compressed, different) = (0, 0, 0)
    for line in lines where !line.hasPrefix("rows") {
      let fields = line.split(separator: " ").map(String.init)
      compared += 1
      budget.instructions = FrameBudget.instructionsPerStack
      let start = try #require(UInt64(fields[0], radix: 16))
      guard let (row, _) = try opened.row(for: start, &budget) else {
        different += 1
        if different < 5 { Issue.record("\(path): no row: \(line)") }
        continue
      }
      if UnwindRule(row, for: X86_64.self) != nil { compressed += 1 }
      if !RowText.matches(row, fields) {
        different += 1
        if different < 5 { Issue.record("\(path): \(line)\nis read as \(row)") }
      }
    }
    #expect(different == 0 && compared > 0)
    print("\(path): \(compared) rows compared, \(different) different, \(compressed) compress")
  }
}

/// A row in readelf's words.
private enum RowText {
  private static let names = [
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "ra",
  ]

  static func matches(_ row: CFIRow, _ oracle: [String]) -> Bool {
    guard let start = UInt64(oracle[0], radix: 16), let end = UInt64(oracle[1], radix: 16) else { return false }
    guard row.code == start..<end, row.isSignalFrame == (oracle[2] == "1") else { return false }
    var expected: [String: String] = [:]
    for field in oracle[3...] {
      let parts = field.split(separator: "=")
      guard parts.count == 2 else { return false }
      expected[String(parts[0])] = String(parts[1])
    }
    guard expected["CFA"] == cfa(row.cfa) else { return false }
    // What readelf has no column for is nowhere spoken of; a column without a rule says "u".
    return names.enumerated().allSatisfy { number, name in
      rule(row.registers[number]) == expected[name] ?? "u"
    }
  }

  private static func signed(_ value: Int64) -> String { value < 0 ? "\(value)" : "+\(value)" }

  private static func cfa(_ rule: CFARule) -> String {
    switch rule {
    case .undefined: "?"
    case .registerOffset(let register, let offset): names[Int(register)] + signed(offset)
    case .expression: "exp"
    }
  }

  private static func rule(_ rule: RegisterRule) -> String {
    switch rule {
    case .unspecified, .undefined: "u"
    case .sameValue: "s"
    case .offset(let offset): "c" + signed(offset)
    case .valueOffset(let offset): "v" + signed(offset)
    case .register(let other): "r\(other)"
    case .expression: "exp"
    case .valueExpression: "vexp"
    }
  }
}
