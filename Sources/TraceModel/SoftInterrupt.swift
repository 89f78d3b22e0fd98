/// The kernel's names of the soft interrupt vectors (include/linux/interrupt.h), as kernel_delay.py writes them.
package enum SoftInterrupt {
  private static let names = [
    "hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer", "rcu",
  ]

  /// The name of a vector.
  package static func name(_ vector: Int32) -> String {
    names.indices.contains(Int(vector)) ? names[Int(vector)] : "vector_\(vector)"
  }
}
