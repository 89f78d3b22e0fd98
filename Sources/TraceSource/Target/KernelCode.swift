internal import SystemCalls
package import TraceModel

/// Names of places in the kernel.
package struct KernelCode: Sendable {
  private struct Entry: BitwiseCopyable {
    var address: UInt64
    var name: UInt32
    var nameLength: UInt16
    var moduleLength: UInt16
  }

  private let text: [UInt8]
  /// The kernel's symbols, in the order of their addresses.
  private let entries: [Entry]

  /// Why places have no names; nil where they have.
  package let refusal: String?

  /// The names of the running kernel.
  package static func read() -> KernelCode { KernelCode((try? SystemFiles.readBytes("/proc/kallsyms")) ?? []) }

  /// The names of a recorded kernel, by the text of its /proc/kallsyms; the text is empty where the recording has none.
  package init(recorded text: [UInt8]) {
    self.init(text, whereEmpty: "kernel functions have no names: there is no file 'kallsyms' in the recording")
  }

  /// The names that the text of /proc/kallsyms has. `whereEmpty`: the refusal where there is none.
  init(_ text: [UInt8], whereEmpty: String = "kernel functions have no names: /proc/kallsyms cannot be read") {
    var entries: [Entry] = []
    entries.reserveCapacity(1 << 17)
    KernelSymbols.forEachFunction(in: text) { line in
      guard line.address != 0 else { return true }
      entries.append(
        Entry(
          address: line.address, name: UInt32(truncatingIfNeeded: line.name.lowerBound),
          nameLength: UInt16(clamping: line.name.count), moduleLength: UInt16(clamping: line.module.count)))
      return true
    }
    // The list is in order but for modules; of several names at one address the first one stays the first.
    var isSorted = true
    for index in entries.indices.dropFirst() where entries[index].address < entries[index - 1].address {
      isSorted = false
      break
    }
    if !isSorted { entries.sort { ($0.address, $0.name) < ($1.address, $1.name) } }
    self.text = text
    self.entries = entries
    refusal =
      !entries.isEmpty
      ? nil
      : text.isEmpty
        ? whereEmpty
        : "kernel functions have no names: kernel.kptr_restrict hides their addresses"
  }

  /// The frame of `address`, which `lookup` is the instruction of, or the one before it.
  package func frame(at address: UInt64, lookup: UInt64) -> StackFrame {
    let unknown = StackFrame(address: address, symbol: nil, module: "kernel", moduleOffset: address)
    let count = partitionPoint(of: entries.count) { entries[$0].address <= lookup }
    guard count > 0 else { return unknown }
    var place = count - 1
    while place > 0, entries[place - 1].address == entries[place].address { place -= 1 }
    let entry = entries[place]
    let offset = address &- entry.address
    // Nothing says how long a function is; none is this long.
    guard offset < 1 << 20 else { return unknown }
    let end = Int(entry.name) + Int(entry.nameLength)
    let module = entry.moduleLength == 0 ? "kernel" : text(end + 2, Int(entry.moduleLength))
    return StackFrame(
      address: address, symbol: text(Int(entry.name), Int(entry.nameLength)), offset: offset, module: module,
      moduleOffset: address)
  }

  /// The name of the function that the return address of a stack lies in: a call can be a function's last instruction.
  package func function(returningTo address: UInt64) -> String? { frame(at: address, lookup: address &- 1).symbol }

  private func text(_ start: Int, _ count: Int) -> String {
    guard start + count <= text.count else { return "" }
    return String(decoding: text[start..<start + count], as: UTF8.self)
  }
}
