/// Stack samples that wait for their syscalls to end, in memory of a fixed size.
///
/// The arena is cut into slots of one sample each: a sample is copied into its slot once, and forgotten by giving the slot
/// back, in any order and without moving anything. A ring would be denser, but a thread that sleeps for minutes has its only
/// sample at the ring's end, where the others would push it out. Pages of slots that were never used take no memory.
///
/// A thread's samples are chained in order of time (`ThreadChains`); a thread without samples leaves no trace, so that the
/// store does not grow with the threads that have ever been. When all slots are taken, a sample goes of the thread that has
/// most: not its first, which may be the only one of a syscall that has slept since, but its second.
///
/// Invariant that makes the pointers sound: `samples` holds `capacity` values, initialised up to `used`; slot N owns the
/// bytes from N × `slotSize` of `arena`; this value is the only owner of both.
package struct StackSampleStore: ~Copyable {
  private let samples: UnsafeMutablePointer<StackSample>
  private let arena: UnsafeMutableRawBufferPointer
  /// The number of bytes of a slot: kernel call chain, then user stack.
  private let slotSize: Int
  private let largestStack: Int
  private var chains: ThreadChains
  /// The most samples that the store has room for.
  package let capacity: Int
  /// The slots that were given back; reused last in, first out. The rest up to `capacity` was never used.
  private var free: FlatArray<Int32>
  private var used = 0
  /// Room for the thread ids that `discard` goes through when it is called for all threads.
  private var tids = FlatArray<Int32>(capacity: 64)
  /// Room for the slots that `look` goes through.
  private var slots = FlatArray<Int32>(capacity: 64)

  /// The number of samples that were appended.
  package private(set) var appended: UInt64 = 0
  /// The number of appended samples that were dropped because no slot was free.
  package private(set) var dropped: UInt64 = 0
  /// The number of appended samples that were given up by `discard`, or by `take` as older than what it was asked for.
  package private(set) var discarded: UInt64 = 0
  /// The number of appended samples that `take` has handed out.
  package private(set) var taken: UInt64 = 0

  /// The number of samples that wait.
  package var count: Int { used - free.count }

  /// A store of at most `byteLimit` bytes. `largestStack`: bytes of user stack kept of a sample; `deepestCallchain`: addresses
  /// of its kernel call chain.
  package init(byteLimit: Int, largestStack: Int, deepestCallchain: Int = 127) {
    self.largestStack = max(largestStack, 0) & ~7
    slotSize = self.largestStack + max(deepestCallchain, 0) * 8
    let each = slotSize + MemoryLayout<StackSample>.stride + ThreadChains.bytesPerSample
    capacity = min(max(byteLimit / each, 2), Int(Int32.max))
    samples = .allocate(capacity: capacity)
    arena = .allocate(byteCount: max(capacity * slotSize, 8), alignment: 8)
    chains = ThreadChains(capacity: capacity)
    free = FlatArray(capacity: 64)
  }

  deinit {
    samples.deallocate()
    arena.deallocate()
  }

  /// Copies a sample in. `callchain`: its kernel part, 8 bytes an address; `stack`: what could be read of the user stack.
  /// What exceeds a slot is cut off at the far end.
  package mutating func append(
    _ sample: StackSample, callchain: UnsafeRawBufferPointer, stack: UnsafeRawBufferPointer
  ) {
    appended += 1
    let slot = freeSlot()
    let base = Int(slot) * slotSize
    var sample = sample
    sample.kernelCallchain = copy(callchain, to: base, atMost: slotSize - largestStack)
    sample.userStack = copy(stack, to: base + sample.kernelCallchain.length, atMost: largestStack)
    (samples + Int(slot)).initialize(to: sample)
    chains.append(slot, tid: sample.tid, timestamp: sample.timestamp)
  }

  /// Hands out the samples of thread `tid` from `start` to `end` (ns, both inclusive), oldest first, into `result`, and
  /// forgets them and its older ones. Their bytes can be read until the next `append`.
  package mutating func take(
    tid: Int32, from start: UInt64, to end: UInt64, into result: inout FlatArray<StackSample>
  ) {
    while let slot = chains.removeFirst(tid: tid, upTo: end) {
      free.append(slot)
      if samples[Int(slot)].timestamp < start {
        discarded += 1
      } else {
        taken += 1
        result.append(samples[Int(slot)])
      }
    }
  }

  /// Appends the samples of thread `tid` from `start` to `end` (ns, both inclusive) to `result`, oldest first, and keeps them. Their
  /// bytes can be read until the next `append`.
  package mutating func look(
    tid: Int32, from start: UInt64, to end: UInt64, into result: inout FlatArray<StackSample>
  ) {
    slots.removeAll()
    chains.collect(tid: tid, upTo: end, into: &slots)
    for index in 0..<slots.count where samples[Int(slots[index])].timestamp >= start {
      result.append(samples[Int(slots[index])])
    }
  }

  /// Forgets the samples of thread `tid` up to `end`, ns, inclusive: they belong to syscalls that were fast, or to none.
  package mutating func discard(tid: Int32, upTo end: UInt64) {
    while let slot = chains.removeFirst(tid: tid, upTo: end) {
      free.append(slot)
      discarded += 1
    }
  }

  /// Forgets samples of all threads: those of each up to the time, ns, inclusive, that `limit` gives for its tid.
  package mutating func discard(_ limit: (Int32) -> UInt64) {
    chains.collectThreads(&tids)
    for index in 0..<tids.count { discard(tid: tids[index], upTo: limit(tids[index])) }
  }

  /// The user stack of a sample that is held or was just taken, from its stack pointer upwards.
  package func userStack(of sample: StackSample) -> UnsafeRawBufferPointer { bytes(sample.userStack) }

  /// The kernel call chain of a sample that is held or was just taken, innermost first, 8 bytes an address.
  package func kernelCallchain(of sample: StackSample) -> UnsafeRawBufferPointer { bytes(sample.kernelCallchain) }

  private func bytes(_ span: ByteSpan) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(arena)[span.offset..<span.offset + span.length])
  }

  private func copy(_ bytes: UnsafeRawBufferPointer, to offset: Int, atMost limit: Int) -> ByteSpan {
    let count = min(bytes.count, limit) & ~7
    if count > 0, let source = bytes.baseAddress, let base = arena.baseAddress {
      (base + offset).copyMemory(from: source, byteCount: count)
    }
    return ByteSpan(offset: offset, length: count)
  }

  private mutating func freeSlot() -> Int32 {
    if free.count > 0 { return free.removeLast() }
    if used < capacity {
      used += 1
      return Int32(used - 1)
    }
    dropped += 1
    return chains.removeOfLongest()
  }
}
