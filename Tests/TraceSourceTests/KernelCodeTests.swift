import Testing
import TraceModel

@testable import TraceSource

struct KernelCodeTests {
  private static let text = """
    ffffffff81000000 T _text
    ffffffff81000000 T startup
    ffffffff81000100 t do_work
    ffffffff81000200 D some_data
    ffffffff81000300 W weak_work
    ffffffffc0001000 t helper\t[openvswitch]
    ffffffffc0000000 t ovs_dp_upcall\t[openvswitch]

    """

  @Test func aPlaceHasTheNameOfTheFunctionBeforeIt() {
    let code = KernelCode(Array(Self.text.utf8))
    #expect(code.refusal == nil)
    let frame = code.frame(at: 0xFFFF_FFFF_8100_0180, lookup: 0xFFFF_FFFF_8100_017F)
    #expect(frame.symbol == "do_work" && frame.offset == 0x80 && frame.module == "kernel")
    let upcall = code.frame(at: 0xFFFF_FFFF_C000_0FFF, lookup: 0xFFFF_FFFF_C000_0FFE)
    #expect(upcall.symbol == "ovs_dp_upcall" && upcall.module == "openvswitch" && upcall.offset == 0xFFF)
    // Of several names the first; data has none.
    #expect(code.frame(at: 0xFFFF_FFFF_8100_0000, lookup: 0xFFFF_FFFF_8100_0000).symbol == "_text")
    #expect(code.frame(at: 0xFFFF_FFFF_8100_0210, lookup: 0xFFFF_FFFF_8100_020F).symbol == "do_work")
    #expect(code.frame(at: 0xFFFF_FFFF_8100_0301, lookup: 0xFFFF_FFFF_8100_0300).symbol == "weak_work")
    // A call that is a function's last instruction returns to the next function.
    #expect(code.frame(at: 0xFFFF_FFFF_8100_0100, lookup: 0xFFFF_FFFF_8100_00FF).symbol == "_text")
  }

  @Test func aRecordingHasTheLinesOfFunctionsAlone() {
    let lines = String(decoding: KernelSymbols.functions(in: Array(Self.text.utf8)), as: UTF8.self)
    #expect(lines == Self.text.replacing("ffffffff81000200 D some_data\n", with: ""))
    #expect(
      KernelSymbols.functions(in: Array("ffffffff81000000 T last".utf8)) == Array("ffffffff81000000 T last\n".utf8))
    #expect(KernelSymbols.functions(in: []).isEmpty)
  }

  @Test func whatIsFarFromAnyFunctionHasNoName() {
    let code = KernelCode(Array(Self.text.utf8))
    #expect(code.frame(at: 0x1000, lookup: 0xFFF).symbol == nil)
    #expect(code.frame(at: 0xFFFF_FFFF_D000_0000, lookup: 0xFFFF_FFFF_CFFF_FFFF).symbol == nil)
  }

  @Test func hiddenAddressesAreSaidToBeHidden() {
    let hidden = KernelCode(Array("0000000000000000 T _text\n0000000000000000 t work\t[module]\n".utf8))
    #expect(hidden.refusal?.contains("kptr_restrict") == true)
    #expect(
      hidden.frame(at: 0x1000, lookup: 0xFFF)
        == StackFrame(address: 0x1000, symbol: nil, module: "kernel", moduleOffset: 0x1000))
    #expect(KernelCode([]).refusal?.contains("kallsyms") == true)
  }

  @Test func damagedLinesAreLeftOut() {
    let code = KernelCode(
      Array("zz T a\nffffffff81000000\nffffffff81000000 T\nffffffff81000010 T b\nffffffff81000020 T c\t[\n".utf8))
    #expect(code.frame(at: 0xFFFF_FFFF_8100_0011, lookup: 0xFFFF_FFFF_8100_0011).symbol == "b")
    #expect(code.frame(at: 0xFFFF_FFFF_8100_0021, lookup: 0xFFFF_FFFF_8100_0021).symbol == "c")
  }
}
