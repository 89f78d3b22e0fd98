internal import TraceModel

/// Upcalls that ended in one way on one CPU.
package struct UpcallCount: Sendable, Equatable, BitwiseCopyable {
  /// The upcalls' result: 0, or -errno.
  package var result: Int32
  package var cpu: UInt16
  package var count: UInt64

  package init(result: Int32, cpu: UInt16, count: UInt64) {
    self.result = result
    self.cpu = cpu
    self.count = count
  }
}

/// Upcalls by (result, CPU).
struct UpcallTable: ~Copyable {
  private var counts = FlatArray<UpcallCount>(capacity: 16)
  private var index = FlatIndex(capacity: 16)

  @inline(__always)
  mutating func record(result: Int32, cpu: UInt16) {
    let key = UInt64(UInt32(bitPattern: result)) &<< 16 | UInt64(cpu)
    if let known = index.find(key) {
      counts[Int(known)].count &+= 1
    } else {
      index.set(key, Int32(counts.append(UpcallCount(result: result, cpu: cpu, count: 1))))
    }
  }

  var snapshot: [UpcallCount] { Array(counts.elements) }

  mutating func removeAll() {
    counts.removeAll()
    index.removeAll()
  }
}
