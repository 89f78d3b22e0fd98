import Foundation
import Testing
import TraceModel

@testable import Binaries
@testable import Unwinder

/// Inlined functions and lines of what compilers and tools make of debug information.
struct DebugInformationTests {
  static let inlining = """
    static inline __attribute__((always_inline)) int inner(int x) { return x * 3 + (x >> 2); }
    static inline __attribute__((always_inline)) int middle(int x) { return inner(x) + inner(x + 1); }
    __attribute__((noinline)) int outer(int x) { int s = 0; for (int i = 0; i < x; i++) s += middle(i); return s; }
    """

  /// C++ with functions that are inlined into each other, across namespaces, templates, lambdas and the library.
  private static let program = """
    #include <cstdio>
    #include <string>
    #include <vector>
    #include <map>
    #include <algorithm>
    namespace outer {
    namespace {
    inline __attribute__((always_inline)) int leaf(int x) {
      volatile int y = x * 3;
      return y + 1;
    }
    }
    template <class T> inline __attribute__((always_inline)) T middle(T x) {
      T a = leaf(x) + 2;
      return a * leaf(x + 1);
    }
    struct Thing {
      int value;
      explicit Thing(int v) : value(middle(v)) {}
      inline __attribute__((always_inline)) int get(int k) const {
        return middle(value + k);
      }
      __attribute__((noinline)) int slow(int k) {
        int s = 0;
        for (int i = 0; i < k; i++) s += get(i);
        if (s == 42) throw std::string("x");
        return s;
      }
    };
    }
    static __attribute__((noinline)) int local(int n) {
      std::vector<outer::Thing> v;
      for (int i = 0; i < n; i++) v.emplace_back(i);
      std::sort(v.begin(), v.end(), [](const outer::Thing &a, const outer::Thing &b) { return a.value < b.value; });
      std::map<std::string, int> m;
      for (auto &t : v) m[std::to_string(t.get(2))] += t.slow(3);
      return (int)m.size();
    }
    int main(int argc, char **argv) {
      std::printf("%d\\n", local(argc + 3));
      return 0;
    }
    """

  /// Names of what is at each address of the functions in `whole`, by `file`.
  private func names(_ fixture: Fixture, _ file: String, roots: [String] = []) throws -> Set<String> {
    let frames = try fixture.frames(
      at: fixture.addresses(in: "whole", step: 1), in: file, finder: DebugFileFinder(roots: roots))
    return Set(frames.joined().compactMap(\.symbol))
  }

  @Test(
    "Functions, inlined ones and lines are those of addr2line or of LLVM's symbolizer",
    arguments: [
      "g++ -O2 -g", "g++ -O2 -gdwarf-4", "g++ -O1 -gdwarf-3 -static", "g++ -O3 -g -no-pie -fno-pie",
      "g++ -O2 -g -gz=zlib",
      "g++ -O0 -g", "clang++ -O2 -g", "clang++ -O2 -gdwarf-4", "clang++ -O1 -gline-tables-only",
    ])
  func compilers(_ command: String) throws {
    let fixture = try Fixture()
    try fixture.write("a.cc", Self.program)
    try fixture.run("\(command) a.cc -o a")
    let addresses = try fixture.addresses(in: "a", step: command.contains("static") ? 997 : 3)
    let binutils = try SymbolOracle.scopes(at: addresses, in: "a", of: fixture, by: .binutils)
    let llvm = try SymbolOracle.scopes(at: addresses, in: "a", of: fixture, by: .llvm)
    let found = try fixture.frames(at: addresses, in: "a")
    let different = addresses.indices.filter {
      !SymbolOracle.agree(found[$0], binutils[$0]) && !SymbolOracle.agree(found[$0], llvm[$0])
    }
    #expect(addresses.count > 500)
    #expect(found.joined().filter(\.isInlined).count > 500 || command.contains("-O0") || command.contains("-static"))
    for index in different.prefix(5) {
      let text = found[index].map { "\($0.symbol ?? "??") at \($0.source ?? "?")" }
      Issue.record("\(String(addresses[index], radix: 16)): \(text) is \(binutils[index]) or \(llvm[index])")
    }
  }

  @Test(
    "The debug file of a stripped image has its inlined functions",
    arguments: [
      "objcopy --add-gnu-debuglink=a.debug a",
      "objcopy --compress-debug-sections=zlib-gnu a.debug && objcopy --add-gnu-debuglink=a.debug a",
      """
      id=$(readelf -nW a | sed -n 's/.*Build ID: //p'); d=root/usr/lib/debug/.build-id/$(echo $id | cut -c1-2)
      mkdir -p $d; mv a.debug $d/$(echo $id | cut -c3-).debug
      """,
    ])
  func separateFiles(_ commands: String) throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Self.inlining)
    try fixture.run(
      """
      gcc -O1 -g -shared -fPIC a.c -o whole; objcopy --only-keep-debug whole a.debug; strip -o a whole
      \(commands)
      """)
    #expect(try names(fixture, "a", roots: [fixture.path("root")]).isSuperset(of: ["inner", "middle", "outer"]))
  }

  /// Names of local functions only in .gnu_debugdata, as Fedora's.
  @Test func namesComeFromMinimalDebugData() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", "static __attribute__((noinline, used)) int hidden(int x) { return x; }" + Self.inlining)
    try fixture.run(
      """
      gcc -O1 -shared -fPIC a.c -o whole; strip -o a whole; objcopy -S --keep-symbol=hidden whole mini; xz mini
      objcopy --add-section .gnu_debugdata=mini.xz a
      """)
    #expect(try names(fixture, "a").isSuperset(of: ["hidden", "outer"]))
  }

  /// What has no symbols any more has its names from the debug information, and where the functions begin.
  @Test func functionsWithoutSymbolsAreNamedByTheirDebugInformation() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Fixture.program)
    try fixture.run("gcc -g a.c -o whole; objcopy --strip-all --keep-section='.debug_*' whole a")
    let address = try fixture.address(of: "hidden_helper", in: "whole") + 8
    let frame = try fixture.frames(at: [address], in: "a")[0][0]
    #expect(frame.symbol == "hidden_helper" && frame.offset == 8 && frame.source?.hasSuffix("/a.c:2") == true)
  }

  #if arch(x86_64)
    @Test func filesOf32BitsAreReadToo() throws {
      let fixture = try Fixture()
      try fixture.write("a.c", Self.inlining + "int _start() { return outer(3); }")
      try fixture.run("gcc -m32 -O1 -g -nostdlib -static -fno-pie -no-pie a.c -o whole; cp whole a")
      #expect(try names(fixture, "a").isSuperset(of: ["inner", "middle", "outer"]))
    }
  #endif

  @Test func swiftsInlinedFunctionsAreNamed() throws {
    let fixture = try Fixture()
    try fixture.write(
      "a.swift",
      """
      struct Point { var x: Int; var y: Int
        @inline(__always) func scaled(_ k: Int) -> Point { Point(x: x &* k ^ y, y: y &+ k) }
      }
      @inline(never) public func work(_ n: Int) -> Int {
        var sum = 0
        for i in 0..<n { sum = (sum ^ Point(x: i, y: sum).scaled(n).x) &+ 7 }
        return sum
      }
      """)
    try fixture.run("swiftc -O -g -emit-library a.swift -o whole")
    let names = try names(fixture, "whole")
    #expect(names.contains { $0.contains("work(Swift.Int) -> Swift.Int") })
    #expect(names.contains { $0.contains("Point.scaled(Swift.Int)") })
  }

  /// dwz moves what two programs have in common to a third file, which both name by path and build-id.
  @Test(arguments: ["common", "../../common", "build-id"])
  func whatDwzHasMovedToACommonFileIsFound(_ place: String) throws {
    let fixture = try Fixture()
    try fixture.write("a.cc", Self.program)
    let name = place == "build-id" ? "/nowhere/common" : place
    try fixture.run(
      """
      g++ -O2 -gdwarf-4 a.cc -o whole; g++ -O1 -gdwarf-4 a.cc -o b; cp whole a; mkdir -p x/y
      dwz -m common -M \(name) a b; readelf -SW a | grep -q gnu_debugaltlink; cp a x/y/a
      """)
    if place == "build-id" {
      try fixture.run(
        """
        id=$(readelf -nW common | sed -n 's/.*Build ID: //p'); d=root/usr/lib/debug/.build-id/$(echo $id | cut -c1-2)
        mkdir -p $d; mv common $d/$(echo $id | cut -c3-).debug
        """)
    }
    let addresses = try fixture.addresses(in: "whole", step: 3)
    let finder = DebugFileFinder(roots: [fixture.path("root")])
    let found = try fixture.frames(at: addresses, in: place == "../../common" ? "x/y/a" : "a", finder: finder)
    let whole = try fixture.frames(at: addresses, in: "whole")
    #expect(found.joined().filter(\.isInlined).count > 500)
    #expect(found.map { $0.map(\.symbol) } == whole.map { $0.map(\.symbol) })
    #expect(found.map { $0.map(\.source) } == whole.map { $0.map(\.source) })
  }

  /// The name of a common file leads to a FIFO: opening that would wait for ever.
  @Test func aCommonFileIsNotOpenedByLibdw() throws {
    let fixture = try Fixture()
    try fixture.write("a.c", Self.inlining)
    try fixture.run(
      """
      gcc -O1 -g -shared -fPIC a.c -o whole; mkfifo fifo
      printf '%s\\0aaaaaaaaaaaaaaaaaaaa' "$PWD/fifo" > link
      objcopy --add-section .gnu_debugaltlink=link whole a
      """)
    #expect(try names(fixture, "a").isSuperset(of: ["inner", "middle", "outer"]))
  }
}
