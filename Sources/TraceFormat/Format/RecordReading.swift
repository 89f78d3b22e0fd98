package import TraceModel

/// Which fields of a record become an event's, by their names in the format.
package struct RecordReading: Sendable {
  package var kind: EventKind
  var tid: String
  var subject: String
  var detail: String?
  var value: String?
  /// A name that is interned as the detail.
  var text: String?

  package init(
    _ kind: EventKind, tid: String = "common_pid", subject: String = "common_pid", detail: String? = nil,
    value: String? = nil, text: String? = nil
  ) {
    self.kind = kind
    self.tid = tid
    self.subject = subject
    self.detail = detail
    self.value = value
    self.text = text
  }
}
