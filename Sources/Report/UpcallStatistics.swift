package import Aggregator

/// Open vSwitch's upcalls of one window.
package struct UpcallStatistics: Sendable, Equatable {
  /// A number of upcalls, and where they were made.
  struct Count: Equatable {
    /// The number on each CPU, by ascending CPU.
    var cpus: [(cpu: UInt16, count: UInt64)]

    var total: UInt64 { cpus.reduce(0) { $0 + $1.count } }

    init(_ counts: [UpcallCount]) {
      var byCPU: [UInt16: UInt64] = [:]
      for count in counts { byCPU[count.cpu, default: 0] += count.count }
      cpus = byCPU.sorted { $0.key < $1.key }.map { (cpu: $0.key, count: $0.value) }
    }

    static func == (left: Count, right: Count) -> Bool { left.cpus.elementsEqual(right.cpus, by: ==) }
  }

  private let counts: [UpcallCount]
  /// The number of upcalls that the kernel's probe missed, since the window before was closed.
  package let missed: UInt64

  package init(counts: [UpcallCount], missed: UInt64) {
    self.counts = counts
    self.missed = missed
  }

  var total: Count { Count(counts) }
  var successful: Count { Count(counts.filter { $0.result >= 0 }) }
  var failed: Count { Count(counts.filter { $0.result < 0 }) }

  /// Failed upcalls by their errno, ascending.
  var errors: [(errno: Int32, count: Count)] {
    Set(counts.filter { $0.result < 0 }.map { -$0.result }).sorted().map { number in
      (number, Count(counts.filter { $0.result == -number }))
    }
  }
}
