import Testing

@testable import Session

struct ConditionTests {
  private func read(_ text: String) -> Condition? { try? Condition(parsing: text) }

  private func reason(_ text: String) -> String {
    do throws(ConditionError) {
      _ = try Condition(parsing: text)
      return ""
    } catch { return error.reason }
  }

  @Test func aConditionIsAKindATimeAndWhoseItIs() {
    #expect(
      read("long-poll>1s") == Condition(text: "long-poll>1s", kind: .longPoll, threshold: 1_000_000_000))
    #expect(
      read("syscall:futex>5ms@worker*")
        == Condition(
          text: "syscall:futex>5ms@worker*", kind: .syscall("futex"), threshold: 5_000_000, thread: "worker*"))
    #expect(read("syscall>0ns")?.kind == .syscall(nil) && read("syscall>0ns")?.threshold == 0)
    #expect(read("blocked>2us")?.kind == .blocked(.any))
    #expect(read("blocked:D>2us")?.kind == .blocked(.uninterruptible))
    #expect(read("blocked:S>1.5ms")?.threshold == 1_500_000)
    for (word, kind): (String, Condition.Kind) in [
      ("ready", .ready), ("stopped", .stopped), ("hardirq", .hardIRQ), ("softirq", .softIRQ),
      ("page-fault", .pageFault), ("window", .window),
    ] { #expect(read("\(word)>1s")?.kind == kind) }
  }

  @Test func aThreadIsMeantByAPatternOfItsName() {
    #expect(read("ready>1s@[ab]-*")?.matches("a-1") == true)
    #expect(read("ready>1s@[ab]-*")?.matches("c-1") == false)
    #expect(read("ready>1s@x@y")?.matches("x@y") == true)
    #expect(read("ready>1s")?.matches("") == true)
  }

  @Test func whatIsWrongIsSaid() {
    for (text, part) in [
      ("ready", "no '>'"), ("ready>", "no time"), ("ready>5", "no time"), ("ready>5m", "no time"),
      ("ready>-5ms", "no time"), ("ready>1.2.3ms", "no time"), ("ready>nans", "no time"), ("ready>1e9s", "no time"),
      ("ready>99999999999s", "a year"), ("idle>5ms", "'idle' is none of"), ("ready:x>5ms", "takes no name"),
      ("syscall:futexx>5ms", "no syscall 'futexx'"), ("blocked:X>5ms", "blocked:D or blocked:S"),
      ("ready>5ms@", "no pattern"), (">5ms", "'' is none of"),
    ] { #expect(reason(text).contains(part), "\(text): \(reason(text))") }
  }
}
