/// Where the statistics of a thread's latest syscalls are: most threads make few different ones again and again.
struct RecentSyscalls: BitwiseCopyable {
  private struct Entry: BitwiseCopyable {
    /// The statistic's key; where there is no statistic, a key that none has.
    var key: UInt64 = .max
    var position = 0
  }

  private var entries = InlineArray<4, Entry>(repeating: Entry())

  /// The position of the statistic with this key in `SyscallTable`; nil where others have taken its place.
  @inline(__always)
  func position(of key: UInt64) -> Int? {
    let entry = entries[Int(truncatingIfNeeded: key & 3)]
    return entry.key == key ? entry.position : nil
  }

  @inline(__always)
  mutating func set(_ key: UInt64, _ position: Int) {
    entries[Int(truncatingIfNeeded: key & 3)] = Entry(key: key, position: position)
  }
}
