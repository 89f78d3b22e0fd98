internal import Session
internal import TraceFormat

/// The reader's events are what a session takes in, whatever source the pages come from.
extension StreamReader: EventStream where Source: ~Copyable {}
