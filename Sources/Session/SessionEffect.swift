/// What a session wants done outside of it, in this order.
package enum SessionEffect: Sendable {
  /// A window has closed.
  case closed(WindowResult)
  /// The tasks have to be put into the kernel's pid filter; `Session.watched` is called afterwards.
  case watch([Int32])
  /// The next step to a gate that stays open is due; `Session.gateWidened` is called afterwards.
  case widenGate
}
