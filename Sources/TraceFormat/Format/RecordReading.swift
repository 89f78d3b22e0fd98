package import TraceModel

/// Which fields of a record become an event's, by their names in the format.
package struct RecordReading: Sendable {
  package var kind: EventKind
  var tid: String
  var subject: String
  var detail: String?
  var value: String?
  /// The element of `value` that is meant, where that is an array.
  var element = 0
  /// A name that is interned, as the detail or as the value.
  var text: String?
  /// What is special about the record.
  var form = Form.plain

  /// How a record is read that is not numbers alone.
  enum Form: UInt8, Sendable, BitwiseCopyable {
    /// Numbers alone.
    case plain
    /// The text becomes the detail.
    case nameAsDetail
    /// The text becomes the value.
    case nameAsValue
    /// The subject is the activity that `activity` names.
    case activity
    /// The subject is `spin` or `lock`, by the flag LCB_F_SPIN of the detail, which is dropped.
    case contention
    /// The subject is the number of the stack: a count, and behind it the addresses.
    case stack
  }

  /// The activity that begins or ends; of use with `Form.activity` alone.
  var activity = KernelActivity.lock

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
    if text != nil { form = .nameAsDetail }
  }

  /// A switch of any task of the machine: the name of the next task becomes the value.
  static let machineSwitch: RecordReading = {
    var reading = RecordReading(
      .machineSwitch, tid: "prev_pid", subject: "next_pid", detail: "prev_state", text: "next_comm")
    reading.form = .nameAsValue
    return reading
  }()

  /// A syscall's beginning, with its second argument.
  static let syscallEnter: RecordReading = {
    var reading = RecordReading(.syscallEnter, subject: "id", value: "args")
    reading.element = 1
    return reading
  }()

  /// The beginning or the end of an activity.
  static func activity(_ kind: EventKind, _ activity: KernelActivity, value: String? = nil) -> RecordReading {
    var reading = RecordReading(kind, value: value)
    reading.form = .activity
    reading.activity = activity
    return reading
  }

  /// The beginning of contention for a lock.
  static let contentionBegin: RecordReading = {
    var reading = RecordReading(.activityBegin, detail: "flags", value: "lock_addr")
    reading.form = .contention
    return reading
  }()

  /// Open vSwitch's upcall returns.
  package static let upcall = RecordReading(.upcall, subject: "ret")

  /// A function is called whose return a trigger waits for.
  package static let returnAddress = RecordReading(.returnAddress, subject: "sp", value: "ra")

  /// `ftrace:kernel_stack`, which the trigger `stacktrace` adds to a record.
  package static let kernelStack: RecordReading = {
    var reading = RecordReading(.kernelStack, subject: "size")
    reading.form = .stack
    return reading
  }()
}
