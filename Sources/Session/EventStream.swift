package import TraceModel

/// Ordered events of all CPUs, as a session takes them in: from rings that are being written, from a recording, from a script.
package protocol EventStream: ~Copyable {
  /// The names that its events carry, by index.
  var names: NameTable { get set }

  /// The kernel stacks that its events carry, by number; it stays the same table.
  var kernelStacks: KernelStackTable { get }

  /// What was missed so far.
  var loss: Loss { get }

  /// The time before which everything was passed on, ns.
  var released: UInt64 { get }

  /// Passes on, in order and in runs, events before `limit`, ns, until `consume` stops. Returns the event that it stopped at;
  /// nil when all before `limit` are gone.
  mutating func release(
    before limit: UInt64, _ consume: (UnsafeBufferPointer<Event>) -> (count: Int, stops: Bool)
  ) -> Event?
}
