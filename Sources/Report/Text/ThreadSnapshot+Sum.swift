internal import Aggregator
internal import TraceModel

extension ThreadSnapshot {
  /// The sums and extremes of all these threads. Quantiles are 0: they cannot be had from those of the parts.
  init(sumOf threads: [ThreadSnapshot], name: NameID) {
    self.init(tid: -1, name: name)
    var syscalls: [SyscallKey: SyscallSnapshot] = [:]
    var hardIRQs: [IRQKey: IRQSnapshot] = [:]
    var softIRQs: [IRQKey: IRQSnapshot] = [:]
    for thread in threads {
      statistics.add(thread.statistics)
      accounting = accounting + thread.accounting
      for syscall in thread.syscalls { Self.add(syscall, to: &syscalls) }
      for irq in thread.hardIRQs { Self.add(irq, to: &hardIRQs) }
      for irq in thread.softIRQs { Self.add(irq, to: &softIRQs) }
    }
    self.syscalls = Array(syscalls.values)
    self.hardIRQs = Array(hardIRQs.values)
    self.softIRQs = Array(softIRQs.values)
  }

  private struct SyscallKey: Hashable {
    let number: Int32
    let abi: SyscallABI
  }

  private struct IRQKey: Hashable {
    let number: Int32
    let name: NameID
  }

  private static func add(_ syscall: SyscallSnapshot, to sums: inout [SyscallKey: SyscallSnapshot]) {
    let key = SyscallKey(number: syscall.number, abi: syscall.abi)
    guard var sum = sums[key] else {
      var first = syscall
      (first.p50, first.p90, first.p99) = (0, 0, 0)
      sums[key] = first
      return
    }
    sum.durations.add(syscall.durations)
    sum.errors += syscall.errors
    sums[key] = sum
  }

  private static func add(_ irq: IRQSnapshot, to sums: inout [IRQKey: IRQSnapshot]) {
    let key = IRQKey(number: irq.number, name: irq.name)
    guard var sum = sums[key] else {
      sums[key] = irq
      return
    }
    sum.durations.add(irq.durations)
    sums[key] = sum
  }
}
