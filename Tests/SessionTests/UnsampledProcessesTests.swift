import Testing

@testable import Session

struct UnsampledProcessesTests {
  @Test func thereIsNoNoteWithoutThem() { #expect(UnsampledProcesses().note == nil) }

  @Test func theirNumberAndTheFirstReasonAreNoted() {
    var processes = UnsampledProcesses()
    processes.add(12, because: "no descriptors")
    #expect(processes.note == "1 process that came later has no stacks: no descriptors.")
    processes.add(13, because: "no memory")
    #expect(processes.note == "2 processes that came later have no stacks: no descriptors.")
  }

  @Test func whatTheyMakeHasNoneEither() {
    var processes = UnsampledProcesses()
    processes.add(12, because: "no descriptors")
    processes.born(20, of: 12)
    processes.born(21, of: 20)
    processes.born(22, of: 5)
    #expect(processes.note == "3 processes that came later have no stacks: no descriptors.")
  }

  @Test func thoseThatHaveEndedAreForgottenWithTheWindow() {
    var processes = UnsampledProcesses()
    processes.add(12, because: "no descriptors")
    processes.ended(5)
    processes.closeWindow()
    #expect(processes.note != nil)
    processes.ended(12)
    #expect(processes.note != nil)
    processes.closeWindow()
    #expect(processes.note == nil)
    processes.add(5, because: "no memory")
    #expect(processes.note == "1 process that came later has no stacks: no memory.")
  }
}
