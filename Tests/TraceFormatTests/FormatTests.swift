import CTraceEvent
import Testing
import TraceTestSupport

@testable import TraceFormat

struct FormatTests {
  @Test(arguments: Fixture.kernels)
  func everyKernelsFormatsCompile(_ kernel: String) throws {
    let formats = try Fixture.formats(kernel)
    #expect(formats.count == TracedEvent.allCases.count)
    _ = try EventTable(formats)
    #expect(try PageLayout(headerPage: Fixture.text(kernel, "header_page")).dataOffset == 16)
  }

  /// libtraceevent parses the same files; every field must lie at the same place.
  @Test(arguments: Fixture.kernels)
  func fieldsLieWhereLibtraceeventFindsThem(_ kernel: String) throws {
    for event in TracedEvent.allCases {
      var text = try Fixture.text(kernel, "formats/\(event.name.system).\(event.name.name)")
      let ours = try EventFormat.parse(text)
      let handle = try #require(tep_alloc())
      defer { tep_free(handle) }
      text.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) {
          _ = tep_parse_event(handle, $0.baseAddress, UInt($0.count), event.name.system)
        }
      }
      let theirs = try #require(tep_get_first_event(handle))
      #expect(ours.id == Int(theirs.pointee.id) && ours.name == String(cString: theirs.pointee.name))
      var count = 0
      for list in [theirs.pointee.format.common_fields, theirs.pointee.format.fields] {
        var next = list
        while let field = next {
          let name = String(cString: field.pointee.name)
          #expect(ours.fields[name]?.offset == Int(field.pointee.offset), "\(event.name) \(name)")
          #expect(ours.fields[name]?.size == Int(field.pointee.size), "\(event.name) \(name)")
          let isDynamic = UInt64(field.pointee.flags) & UInt64(TEP_FIELD_IS_DYNAMIC.rawValue) != 0
          #expect(ours.fields[name]?.isDynamic == isDynamic, "\(event.name) \(name)")
          count += 1
          next = field.pointee.next
        }
      }
      #expect(count == ours.fields.count)
    }
  }

  @Test func fieldsLieWhereTheFileSays() throws {
    let format = try EventFormat.parse(Fixture.text("6.18", "formats/sched.sched_switch"))
    #expect(format.fields["next_pid"] == EventFormat.Field(offset: 56, size: 4, isDynamic: false, isSigned: true))
    #expect(format.fields["prev_comm"] == EventFormat.Field(offset: 8, size: 16, isDynamic: false, elements: 16))
    let irq = try EventFormat.parse(Fixture.text("6.18", "formats/irq.irq_handler_entry"))
    #expect(irq.fields["name"]?.isDynamic == true)
  }

  @Test func anEventWithoutAFieldThatIsNeededIsRefused() throws {
    var format = try EventFormat.parse(Fixture.text("6.18", "formats/sched.sched_switch"))
    format.fields["next_pid"] = nil
    #expect(throws: FormatError.missingField("sched_switch", "next_pid")) {
      _ = try EventTable([.contextSwitch: format])
    }
  }

  @Test func aFieldOfUnexpectedSizeIsRefused() throws {
    var format = try EventFormat.parse(Fixture.text("6.18", "formats/raw_syscalls.sys_exit"))
    format.fields["ret"]?.size = 4
    #expect(throws: FormatError.unexpectedSize("sys_exit", "ret", 4)) {
      _ = try EventTable([.syscallExit: format])
    }
  }

  @Test func noiseIsNotAFormat() {
    for noise in ["", "name: x", "\0\0\0", "name: x\nID: 1", String(repeating: "field:", count: 999)] {
      #expect(throws: (any Error).self) { _ = try EventFormat.parse(noise) }
    }
  }

  @Test func theHeaderTellsThe32BitKernel() throws {
    let header = try Fixture.text("6.18", "header_page").replacing(
      "commit;\toffset:8;\tsize:8", with: "commit;\toffset:8;\tsize:4")
    // Its data does not begin behind it.
    #expect(throws: FormatError.unexpectedHeader("data at 16")) { _ = try PageLayout(headerPage: header) }
    let text = header.replacing("offset:16;\tsize:4080", with: "offset:12;\tsize:4084")
    let layout = try PageLayout(headerPage: text, byteOrder: .little)
    #expect(layout.longSize == 4 && layout.dataOffset == 12 && layout.pageSize == 4096 && !layout.isNative)
    #expect(throws: FormatError.commitSize(4)) { _ = try PageLayout(headerPage: text) }
  }

  @Test func aBigEndianMachinesPagesAreNotNative() throws {
    let header = try Fixture.text("6.18", "header_page")
    #expect(try PageLayout(headerPage: header).isNative)
    #expect(try !PageLayout(headerPage: header, byteOrder: .big).isNative)
  }
}
