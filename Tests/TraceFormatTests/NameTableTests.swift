import Testing
import TraceModel

struct NameTableTests {
  private func intern(_ bytes: [UInt8], _ table: inout NameTable) -> NameID {
    bytes.withUnsafeBytes { table.intern($0) }
  }

  @Test func aNameEndsAtItsNulAndIsKeptOnce() {
    var table = NameTable()
    let first = intern(Array("virtio2-req.0-with-a-long-name\0junk".utf8), &table)
    let second = intern(Array("virtio2-req.0-with-a-long-name".utf8), &table)
    #expect(first == second && table[first] == "virtio2-req.0-with-a-long-name")
    let third = table.intern("virtio2-req.0-with-a-long-name")
    #expect(third == first)
    let (empty, cut) = (intern([], &table), intern([0, 65], &table))
    #expect(empty == 0 && cut == 0)
  }

  @Test func damagedNamesAreRepairedAndUnknownIndicesAreEmpty() {
    var table = NameTable()
    let id = intern([0x61, 0xFF, 0x62], &table)
    #expect(table[id] == "a\u{FFFD}b")
    let again = intern([0x61, 0xFF, 0x62], &table)
    #expect(again == id)
    #expect(table[99] == "" && table[-1] == "")
  }
}
