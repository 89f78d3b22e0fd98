internal import Glibc

/// Upcalls of Open vSwitch's kernel datapath: packets that user space has to decide about.
package enum Upcalls {
  /// Returns 0, or -errno where the packet could not be handed over.
  static let function = "ovs_dp_upcall"

  /// Whether this kernel has the datapath loaded and can count its upcalls.
  package static func canBeCounted(_ tracefs: any TracefsAccess) -> Bool {
    tracefs.exists("kprobe_events") && KernelSymbols.contains(function)
  }
}
