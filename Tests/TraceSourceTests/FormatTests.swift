import Testing

@testable import TraceSource

struct FormatTests {
  @Test(arguments: Fixture.kernels)
  func everyKernelsFormatsCompile(_ kernel: String) throws {
    let formats = try Fixture.formats(kernel)
    #expect(formats.count == TracedEvent.allCases.count)
    _ = try EventTable(formats)
    #expect(try PageLayout(headerPage: Fixture.text(kernel, "header_page")).dataOffset == 16)
  }

  @Test func fieldsLieWhereTheFileSays() throws {
    let format = try EventFormat.parse(Fixture.text("6.18", "formats/sched.sched_switch"), system: "sched")
    #expect(format.fields["next_pid"] == EventFormat.Field(offset: 56, size: 4, isDynamic: false))
    #expect(format.fields["prev_comm"] == EventFormat.Field(offset: 8, size: 16, isDynamic: false))
    let irq = try EventFormat.parse(Fixture.text("6.18", "formats/irq.irq_handler_entry"), system: "irq")
    #expect(irq.fields["name"]?.isDynamic == true)
  }

  @Test func anEventWithoutAFieldThatIsNeededIsRefused() throws {
    var format = try EventFormat.parse(Fixture.text("6.18", "formats/sched.sched_switch"), system: "sched")
    format.fields["next_pid"] = nil
    #expect(throws: EventTable.Refusal.missingField(EventName("sched", "sched_switch"), "next_pid")) {
      _ = try EventTable([.contextSwitch: format])
    }
  }

  @Test func aFieldOfUnexpectedSizeIsRefused() throws {
    var format = try EventFormat.parse(Fixture.text("6.18", "formats/raw_syscalls.sys_exit"), system: "raw_syscalls")
    format.fields["ret"]?.size = 4
    #expect(throws: EventTable.Refusal.unexpectedSize(EventName("raw_syscalls", "sys_exit"), "ret", 4)) {
      _ = try EventTable([.syscallExit: format])
    }
  }

  @Test func noiseIsNotAFormat() {
    for noise in ["", "name: x", "\0\0\0", "name: x\nID: 1", String(repeating: "field:", count: 999)] {
      #expect(throws: (any Error).self) { _ = try EventFormat.parse(noise, system: "x") }
    }
  }

  @Test func pagesOfA32BitKernelAreRefused() throws {
    let header = try Fixture.text("6.18", "header_page").replacing("commit;\toffset:8;\tsize:8", with: "commit;\toffset:8;\tsize:4")
    #expect(throws: PageLayout.Refusal.commitSize(4)) { _ = try PageLayout(headerPage: header) }
  }

  @Test func pagesOfABigEndianMachineAreRefused() throws {
    #expect(throws: PageLayout.Refusal.bigEndian) {
      _ = try PageLayout(headerPage: Fixture.text("6.18", "header_page"), byteOrder: .big)
    }
  }
}
