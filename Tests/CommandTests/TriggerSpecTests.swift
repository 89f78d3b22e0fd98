import Testing

@testable import kdelay_ftrace

struct TriggerSpecTests {
  @Test func everyKindIsRead() throws {
    let expected: [(String, TriggerSpec)] = [
      ("t:sched:sched_switch", .tracepoint(system: "sched", event: "sched_switch", filter: nil)),
      (
        "trace:a:b if prev_pid == 3 && x ~ \"c:*\"",
        .tracepoint(system: "a", event: "b", filter: "prev_pid == 3 && x ~ \"c:*\"")
      ),
      ("k:f", .kernelFunction("f", isReturn: false)),
      ("kprobe:f.isra.0+0x10", .kernelFunction("f.isra.0+0x10", isReturn: false)),
      ("kr:openvswitch:f", .kernelFunction("openvswitch:f", isReturn: true)),
      ("up:main", .function(nil, "main")), ("uprobe:/lib/x.so:f+16", .function("/lib/x.so", "f", 16)),
      ("up:n::C::operator+(int)", .function(nil, "n::C::operator+(int)")),
      ("up:/a:n::f+0x1f", .function("/a", "n::f", 31)), ("ur:f", .function(nil, "f", isReturn: true)),
      ("upr:f", .function(nil, "f", isReturn: true)), ("uretprobe:/a:f", .function("/a", "f", isReturn: true)),
      ("u:p:q", .usdt(UserPlace(file: nil, USDTName(provider: "p", probe: "q")))),
      ("usdt:/a:p:q", .usdt(UserPlace(file: "/a", USDTName(provider: "p", probe: "q")))),
      ("usdt:/a:b.so:p:q", .usdt(UserPlace(file: "/a:b.so", USDTName(provider: "p", probe: "q")))),
      ("u:libc:libc:setjmp", .usdt(UserPlace(file: "libc", USDTName(provider: "libc", probe: "setjmp")))),
    ]
    for (text, spec) in expected { #expect(try TriggerSpec.parse(text) == spec, "\(text)") }
  }

  @Test func aFileMayHaveColonsAndMayBeNamedWithoutItsPath() throws {
    func readings(_ text: String) throws -> [String] {
      guard case .userFunction(let place, _) = try TriggerSpec.parse(text) else { return [] }
      return place.readings.map { "\($0.file ?? "-") \($0.what.symbol)+\($0.what.offset)" }
    }
    #expect(try readings("up:/dir/lib:colon.so:f+4") == ["/dir/lib:colon.so f+4", "/dir/lib colon.so:f+4"])
    #expect(try readings("up:libc.so.6:f") == ["libc.so.6 f+0", "- libc.so.6:f+0"])
    #expect(try readings("up:./a:b:f") == ["./a:b f+0", "./a b:f+0", "- ./a:b:f+0"])
    // Names of C++ have two colons.
    #expect(try readings("up:n::f") == ["- n::f+0"])
    #expect(try readings("up:/a/b:n::C::f") == ["/a/b n::C::f+0"])
  }

  @Test func whatIsNoTriggerIsRefused() {
    for bad in [
      "", "main", ":", "x:y", "t:", "t:a", "t:a:b:c", "t:a:b if ", "t:a b:c", "t:../x:y", "k:", "k:a:b:c", "k:a b",
      "k:f+x", "kr:f+4", "up:", "up:/a:", "up:f+0xz", "ur:f+1", "u:a", "u::a:b", "u::", "u:/a:b", "k:f+1 g", "K:f",
    ] {
      #expect(throws: TriggerSpec.Failure.self, "\(bad)") { try TriggerSpec.parse(bad) }
    }
  }
}

extension TriggerSpec {
  fileprivate static func function(
    _ file: String?, _ symbol: String, _ offset: UInt64 = 0, isReturn: Bool = false
  ) -> TriggerSpec {
    .userFunction(UserPlace(file: file, UserFunction(symbol: symbol, offset: offset)), isReturn: isReturn)
  }
}
