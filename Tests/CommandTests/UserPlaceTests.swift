import Testing

@testable import kdelay_ftrace

struct UserPlaceTests {
  @Test(arguments: [
    ("up:libfoo+1.so:f", "libfoo+1.so", "f"), ("up:./build+2024/app:main", "./build+2024/app", "main"),
    ("up:/a:b+1c/lib.so:f", "/a:b+1c/lib.so", "f"), ("ur:libfoo+1:f", "libfoo+1", "f"),
  ])
  func aPlusInAFilesNameIsNoOffset(_ text: String, _ file: String, _ symbol: String) throws {
    let expected = UserPlace<UserFunction>.Reading(file: file, what: UserFunction(symbol: symbol))
    guard case .userFunction(let place, _) = try TriggerSpec.parse(text) else {
      Issue.record("\(text) is no function")
      return
    }
    #expect(place.readings.first == expected)
  }

  @Test func whatHasNoReadingAtAllTellsWhy() {
    #expect(throws: TriggerSpec.Failure(reason: "'1x' is no offset: write it in decimal, or in hexadecimal with 0x")) {
      try TriggerSpec.parse("up:f+1x")
    }
    #expect(throws: TriggerSpec.Failure(reason: "a return has no offset")) { try TriggerSpec.parse("ur:lib.so:f+1") }
  }
}
