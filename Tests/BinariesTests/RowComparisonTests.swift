import Foundation
import Testing

@testable import Binaries
@testable import Unwinder

/// Rows of real files' call frame information, against readelf's reading of them.
struct RowComparisonTests {
  /// What the packages that tests need bring; of larger files than libc the first rows and then one of `stride`.
  /// A name without a directory is a library that gcc finds.
  static let files: [(path: String, first: Int, stride: Int)] = [
    ("libc.so.6", .max, 1), ("libstdc++.so.6", 3000, 97), ("/usr/bin/python3", 3000, 97), ("/usr/bin/gdb", 3000, 97),
  ]

  @Test("Every row of real programs and libraries is as readelf reads it", arguments: files)
  func realFiles(path: String, first: Int, stride: Int) throws {
    let found = path.hasPrefix("/") ? path : try Fixture().run("gcc -print-file-name=\(path)").trimmed
    try compare(found, first: first, stride: stride)
  }

  /// By hand: KDELAY_ALL_ROWS is paths, separated by colons, of which every row is compared.
  static let others =
    ProcessInfo.processInfo.environment["KDELAY_ALL_ROWS"]?.split(separator: ":").map(String.init) ?? []

  @Test("Every row of the files that were asked for is as readelf reads it", arguments: others)
  func otherFiles(path: String) throws { try compare(path, first: .max, stride: 1) }

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

  @Test("Rows of arm64 code, also with signed return addresses and a kernel's signal frame, are as readelf reads them")
  func arm64() throws {
    let fixture = try Fixture()
    try fixture.write(
      "a.c",
      """
      extern int other(int *, int);
      int leaf(int x) { return x * 3; }
      int frame(int n) { int a[20]; return other(a, n) + a[3]; }
      int dynamic(int n) { int a[n]; return other(a, n) + a[n / 2]; }
      int aligned(int n) { _Alignas(64) int a[20]; return other(a, n) + frame(n) + a[2]; }
      long many(long a, long b, long c, long d, long e, long f) {
        for (int i = 0; i < 9; i++) a += other((int *)&b, c) * d - e * f + b * a + other((int *)&a, d) * c + e;
        return a * b * c * d * e * f;
      }
      int other(int *p, int n) { return n ? p[n] + (int)many(n, n, n, n, n, n) : frame(n); }
      void _start(void) { for (;;) dynamic(aligned(leaf(3))); }
      __asm__(".cfi_startproc; .cfi_signal_frame; .cfi_def_cfa x29, 0; .cfi_offset x29, 0; .cfi_offset x30, 8;"
              "nop; .globl back; back: mov x8, #139; svc #0; .cfi_endproc");
      """)
    for flags in ["-O2", "-O2 -mbranch-protection=pac-ret", "-O0", "-O2 -fno-asynchronous-unwind-tables -g"] {
      try fixture.run(
        """
        clang -target aarch64-linux-gnu -O2 -ffreestanding -fno-stack-protector -fasynchronous-unwind-tables -w \
          \(flags) -c a.c -o a.o
        clang -target aarch64-linux-gnu -fuse-ld=lld -nostdlib -static -Wl,--eh-frame-hdr a.o -o foreign
        # Opened as what this machine runs: rows do not depend on that.
        cp foreign native; head -c 20 /proc/self/exe | tail -c 2 | dd of=native bs=1 seek=18 conv=notrunc status=none
        """)
      try compare(fixture.path("native"), oracle: fixture.path("foreign"), first: .max, stride: 1, text: .arm64)
    }
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

  private func compare(_ path: String, oracle: String? = nil, first: Int, stride: Int, text: RowText = .x86) throws {
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
      budget.startStack()
      let start = try #require(UInt64(fields[0], radix: 16))
      guard let (row, _) = try opened.row(for: start, &budget) else {
        different += 1
        if different < 5 { Issue.record("\(path): no row: \(line)") }
        continue
      }
      if (text.names[0] == "rax" ? UnwindRule(row, for: X86_64.self) : UnwindRule(row, for: ARM64.self)) != nil {
        compressed += 1
      }
      if !text.matches(row, fields) {
        different += 1
        if different < 5 { Issue.record("\(path): \(line)\nis read as \(row)") }
      }
    }
    #expect(different == 0 && compared > 0)
    print("\(path): \(compared) rows compared, \(different) different, \(compressed) compress")
  }
}
