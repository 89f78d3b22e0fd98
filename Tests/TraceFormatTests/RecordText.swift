import TraceModel

@testable import TraceFormat

/// A record in the words of `perf script -D`: its line from `PERF_RECORD_` on, and for a sample what is listed below it.
struct RecordText: Equatable, CustomStringConvertible {
  var line: String
  var details: [String] = []

  var description: String { ([line] + details).joined(separator: "\n") }

  /// The kernel's records of perf's text by their offset in the file.
  static func parse(_ text: String) -> [Int: RecordText] {
    var records: [Int: RecordText] = [:]
    var offset: Int?
    for line in text.split(separator: "\n") {
      if let mark = line.firstRange(of: "PERF_RECORD_") {
        // `[CPU] TIME 0xOFFSET [0xSIZE]: `
        let place = line[..<mark.lowerBound].split(separator: " ").last { $0.hasPrefix("0x") }
        offset = place.flatMap { Int($0.dropFirst(2), radix: 16) }
        if let offset { records[offset] = RecordText(line: String(line[mark.upperBound...])) }
      } else if let offset {
        records[offset]?.details.append(line.split(separator: " ").joined(separator: " "))
      }
    }
    return records
  }

  init(line: String) { self.line = line }

  init(_ record: PerfRecord, _ bytes: UnsafeRawBufferPointer, _ registerMask: UInt64) {
    func text(_ span: ByteSpan) -> String {
      String(decoding: bytes[span.offset..<span.offset + span.length], as: UTF8.self)
    }
    switch record {
    case .sample(let sample):
      line = "SAMPLE \(sample.stamp.pid)/\(sample.stamp.tid): 0x\(Self.hex(sample.instructionPointer))"
      details = Self.details(sample, bytes, registerMask)
    case .mapping(let mapping): line = Self.line(mapping, text(mapping.path), bytes)
    case .name(let name): line = "COMM\(name.isExec ? " exec" : ""): \(text(name.name)):\(name.pid)/\(name.tid)"
    case .fork(let task): line = "FORK(\(task.pid):\(task.tid)):(\(task.parentPid):\(task.parentTid))"
    case .exit(let task): line = "EXIT(\(task.pid):\(task.tid)):(\(task.parentPid):\(task.parentTid))"
    case .lost(let count, _): line = "LOST: lost:\(count)"
    case .lostSamples(let count, _): line = "LOST_SAMPLES: lost samples :\(count)"
    case .contextSwitch(let isOut, let isPreempted, _):
      line = "SWITCH \(isOut ? "OUT" : "IN ")\(isPreempted ? " preempt" : "")"
    case .throttle: line = "THROTTLE"
    case .unthrottle: line = "UNTHROTTLE"
    case .other(let type, _): line = "\(type)"
    }
  }

  /// With what this decoder leaves out taken from perf's line, too.
  var comparable: RecordText {
    var text = self
    if line.hasPrefix("SAMPLE(") {
      // `SAMPLE(IP, 0x1): PID/TID: 0xIP period: …`
      let parts = line.split(separator: " ")
      text.line = parts.count > 3 ? "SAMPLE \(parts[2]) \(parts[3])" : line
      text.details = details.filter { detail in
        if detail.hasPrefix("....") { return ![". FLAGS", ". CS", ". SS", ". dso:"].contains(where: detail.contains) }
        return ["FP chain", "user regs", "ustack"].contains(where: detail.contains)
      }
    } else {
      text.details = []
      text.line = line.replacing(#/id:\d+: /#, with: "")
      if line.hasPrefix("SWITCH") {
        text.line = String(line.prefix { $0 != "/" }.prefix(line.contains("preempt") ? 18 : 10))
      }
    }
    return text
  }

  private static func hex(_ value: UInt64) -> String { String(value, radix: 16) }

  private static func padded(_ value: UInt64) -> String {
    let digits = hex(value)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private static func details(_ sample: PerfSample, _ bytes: UnsafeRawBufferPointer, _ mask: UInt64) -> [String] {
    var details: [String] = []
    let chain = sample.kernelCallchain
    if chain.length > 0 {
      details.append("... FP chain: nr:\(chain.length / 8 + 1)")
      details.append("..... 0: ffffffffffffff80")
      for index in 0..<chain.length / 8 {
        let address = bytes.loadUnaligned(fromByteOffset: chain.offset + index * 8, as: UInt64.self)
        details.append("..... \(index + 1): \(padded(address))")
      }
    }
    let first = ["AX", "BX", "CX", "DX", "SI", "DI", "BP", "SP", "IP"]
    let names = first + Array(repeating: "", count: 7) + (8...15).map { "R\($0)" }
    if sample.registers.known != 0 {
      details.append("... user regs: mask 0x\(hex(mask)) ABI 64-bit")
      for index in 0..<24 {
        guard let number = RegisterArchitecture.x86_64.dwarfNumber(ofKernelRegister: index),
          let value = sample.registers[number]
        else { continue }
        details.append(".... \(names[index]) 0x\(padded(value))")
      }
    }
    if sample.dumpSize > 0 {
      // perf's offset is that of the size before the bytes.
      let offset = UInt64(sample.userStack.offset - 8)
      details.append("... ustack: size \(sample.userStack.length), offset 0x\(hex(offset))")
    }
    return details
  }

  private static func line(_ mapping: PerfMapping, _ path: String, _ bytes: UnsafeRawBufferPointer) -> String {
    let place = "\(mapping.pid)/\(mapping.tid): [0x\(hex(mapping.start))(0x\(hex(mapping.length))) @ "
    let offset = mapping.fileOffset == 0 ? "0" : "0x\(hex(mapping.fileOffset))"
    let bits: [(UInt32, Character)] = [(1, "r"), (2, "w"), (4, "x")]
    let permissions = String(bits.map { mapping.protection & $0.0 != 0 ? $0.1 : "-" }) + "p"
    let span = mapping.buildID
    if span.length > 0 {
      let id = bytes[span.offset..<span.offset + span.length].map { twoDigits(UInt32($0)) }.joined()
      return "MMAP2 \(place)\(offset) <\(id)>]: \(permissions) \(path)"
    }
    let device = "\(twoDigits(mapping.deviceMajor)):\(twoDigits(mapping.deviceMinor))"
    return "MMAP2 \(place)\(offset) \(device) \(mapping.inode) \(mapping.inodeGeneration)]: \(permissions) \(path)"
  }

  private static func twoDigits(_ value: UInt32) -> String { (value < 16 ? "0" : "") + String(value, radix: 16) }
}
