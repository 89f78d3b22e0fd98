internal import TraceModel

// How the answers of `TargetFacts` are written as words of a note, and read again.

/// A value that a note can hold.
protocol NoteValue {
  func write(_ words: inout NoteWords)
  static func read(_ reader: inout NoteReader) -> Self?
}

extension NoteValue {
  /// The note's words: a name, and this value.
  func note(_ name: String) -> NoteWords {
    var words = NoteWords(name)
    write(&words)
    return words
  }

  /// The text of this value's words alone.
  var text: String {
    var words = NoteWords()
    write(&words)
    return words.text
  }

  /// The value that `words` are; nil where they are none.
  init?(words: String) {
    var reader = NoteReader(words)
    guard let value = Self.read(&reader) else { return nil }
    self = value
  }
}

extension NamedProcess: NoteValue {
  func write(_ words: inout NoteWords) {
    words.add(pid)
    words.add(name)
  }

  static func read(_ reader: inout NoteReader) -> NamedProcess? {
    guard let pid = reader.number(Int32.self), let name = reader.word() else { return nil }
    return NamedProcess(pid: pid, name: name)
  }
}

extension ThreadFacts: NoteValue {
  private static let states: [(ThreadFacts.State, String)] = [
    (.runnable, "R"), (.interruptible, "S"), (.uninterruptible, "D"), (.stopped, "T"), (.unknown, "?"),
  ]

  func write(_ words: inout NoteWords) {
    words.add(tid)
    words.add(pid)
    words.add(name)
    words.add(Self.states.first { $0.0 == state }?.1 ?? "?")
    words.add(isWorker)
    words.add(isInSyscall.map { $0 ? 1 : 0 })
    words.add(syscall)
    words.add(syscallArgument)
    for count in [userTicks, kernelTicks, faults, majorFaults] { words.add(count) }
    words.add(runTime)
  }

  static func read(_ reader: inout NoteReader) -> ThreadFacts? {
    guard let tid = reader.number(Int32.self), let pid = reader.number(Int32.self), let name = reader.word(),
      let letter = reader.word(), let state = states.first(where: { $0.1 == letter })?.0,
      let isWorker = reader.truth()
    else { return nil }
    let isInSyscall = reader.number(UInt8.self).map { $0 != 0 }
    let (syscall, argument) = (reader.number(Int32.self), reader.number(Int32.self))
    guard let userTicks = reader.number(UInt64.self), let kernelTicks = reader.number(UInt64.self),
      let faults = reader.number(UInt64.self), let majorFaults = reader.number(UInt64.self)
    else { return nil }
    return ThreadFacts(
      tid: tid, pid: pid, name: name, state: state, isWorker: isWorker, isInSyscall: isInSyscall,
      userTicks: userTicks, kernelTicks: kernelTicks, faults: faults, majorFaults: majorFaults,
      runTime: reader.number(UInt64.self), syscall: syscall, syscallArgument: argument)
  }
}

extension ClockPair: NoteValue {
  func write(_ words: inout NoteWords) {
    words.add(monotonic)
    words.add(wall.seconds)
    words.add(wall.microseconds)
    words.add(wall.offset)
  }

  static func read(_ reader: inout NoteReader) -> ClockPair? {
    guard let monotonic = reader.number(UInt64.self), let seconds = reader.number(Int.self),
      let microseconds = reader.number(Int.self), let offset = reader.number(Int.self),
      (0..<1_000_000).contains(microseconds), abs(offset) < 2 * 86400, abs(seconds) < 1 << 40
    else { return nil }
    return ClockPair(
      monotonic: monotonic, wall: WallTime(seconds: seconds, microseconds: microseconds, offset: offset))
  }
}

extension ControlGroupFacts: NoteValue {
  func write(_ words: inout NoteWords) {
    words.add(path)
    words.add(hasQuota)
    words.add(throttledPeriods)
    words.add(throttledTime)
    words.add(isFrozen)
  }

  static func read(_ reader: inout NoteReader) -> ControlGroupFacts? {
    guard let path = reader.word(), let hasQuota = reader.truth(), let periods = reader.number(UInt64.self),
      let time = reader.number(UInt64.self), let isFrozen = reader.truth()
    else { return nil }
    return ControlGroupFacts(
      path: path, hasQuota: hasQuota, throttledPeriods: periods, throttledTime: time, isFrozen: isFrozen)
  }
}

extension PressureFacts: NoteValue {
  func write(_ words: inout NoteWords) {
    words.add(each: some.sorted { $0.key < $1.key }) { words, entry in
      words.add(entry.key)
      words.add(entry.value)
    }
  }

  static func read(_ reader: inout NoteReader) -> PressureFacts? {
    let entries = reader.list { reader -> (String, UInt64)? in
      guard let name = reader.word(), let time = reader.number(UInt64.self) else { return nil }
      return (name, time)
    }
    return entries.map { PressureFacts(some: Dictionary($0) { _, last in last }) }
  }
}

extension DescendantProcess: NoteValue {
  func write(_ words: inout NoteWords) {
    words.add(pid)
    words.add(isChild)
  }

  static func read(_ reader: inout NoteReader) -> DescendantProcess? {
    guard let pid = reader.number(Int32.self), let isChild = reader.truth() else { return nil }
    return DescendantProcess(pid: pid, isChild: isChild)
  }
}

extension FileMapping: NoteValue {
  func write(_ words: inout NoteWords) {
    words.add(addresses.lowerBound)
    words.add(addresses.upperBound)
    words.add(path)
  }

  static func read(_ reader: inout NoteReader) -> FileMapping? {
    guard let start = reader.number(UInt64.self), let end = reader.number(UInt64.self), start <= end,
      let path = reader.word()
    else { return nil }
    return FileMapping(addresses: start..<end, path: path)
  }
}

extension CodeMapping: NoteValue {
  func write(_ words: inout NoteWords) {
    for number in [start, length, fileOffset] { words.add(number) }
    words.add(path)
    words.add(each: buildID) { $0.add($1) }
    words.add(deviceMajor)
    words.add(deviceMinor)
    words.add(inode)
    neighbours.write(&words)
  }

  static func read(_ reader: inout NoteReader) -> CodeMapping? { read(&reader, depth: 0) }

  /// Neighbours have none of their own.
  private static func read(_ reader: inout NoteReader, depth: Int) -> CodeMapping? {
    guard depth < 2, let start = reader.number(UInt64.self), let length = reader.number(UInt64.self),
      let offset = reader.number(UInt64.self), let path = reader.word(),
      let buildID = reader.list({ $0.number(UInt8.self) }),
      let major = reader.number(UInt32.self), let minor = reader.number(UInt32.self),
      let inode = reader.number(UInt64.self), let neighbours = reader.list({ read(&$0, depth: depth + 1) })
    else { return nil }
    var mapping = CodeMapping(
      start: start, length: length, fileOffset: offset, path: path, buildID: buildID, deviceMajor: major,
      deviceMinor: minor, inode: inode)
    mapping.neighbours = neighbours
    return mapping
  }
}

extension SyscallABI: NoteValue {
  private static let names: [(SyscallABI, String)] = allCases.map { ($0, "\($0)") }

  func write(_ words: inout NoteWords) { words.add("\(self)") }

  static func read(_ reader: inout NoteReader) -> SyscallABI? {
    guard let name = reader.word() else { return nil }
    return names.first { $0.1 == name }?.0
  }
}

extension Int32: NoteValue {
  func write(_ words: inout NoteWords) { words.add(self) }

  static func read(_ reader: inout NoteReader) -> Int32? { reader.number() }
}

extension UInt64: NoteValue {
  func write(_ words: inout NoteWords) { words.add(self) }

  static func read(_ reader: inout NoteReader) -> UInt64? { reader.number() }
}

extension Bool: NoteValue {
  func write(_ words: inout NoteWords) { words.add(self) }

  static func read(_ reader: inout NoteReader) -> Bool? { reader.truth() }
}

extension String: NoteValue {
  func write(_ words: inout NoteWords) { words.add(self) }

  static func read(_ reader: inout NoteReader) -> String? { reader.word() }
}

extension Array: NoteValue where Element: NoteValue {
  func write(_ words: inout NoteWords) { words.add(each: self) { $1.write(&$0) } }

  static func read(_ reader: inout NoteReader) -> [Element]? { reader.list { Element.read(&$0) } }
}
