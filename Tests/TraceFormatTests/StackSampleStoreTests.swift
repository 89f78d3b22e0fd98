import TestSupport
import Testing
import TraceModel

struct StackSampleStoreTests {
  private static func append(
    _ store: inout StackSampleStore, tid: Int32, at time: UInt64, chain: Int = 2, stack: Int = 16
  ) {
    let sample = StackSample(
      timestamp: time, pid: 1, tid: tid, cpu: 0, source: .clock, registers: UserRegisters(), dumpSize: stack)
    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: time), count: max(chain * 8, stack))
    bytes.withUnsafeBytes {
      store.append(
        sample, callchain: UnsafeRawBufferPointer(rebasing: $0[..<(chain * 8)]),
        stack: UnsafeRawBufferPointer(rebasing: $0[..<stack]))
    }
  }

  private static func take(_ store: inout StackSampleStore, tid: Int32, from: UInt64, to: UInt64) -> [UInt64] {
    var taken = FlatArray<StackSample>()
    store.take(tid: tid, from: from, to: to, into: &taken)
    return taken.elements.map(\.timestamp)
  }

  @Test func aSyscallGetsItsThreadsSamplesInsideOfIt() {
    var store = StackSampleStore(byteLimit: 1 << 20, largestStack: 64)
    for time in 1...10 { Self.append(&store, tid: Int32(time % 2), at: UInt64(time * 10)) }
    #expect(Self.take(&store, tid: 1, from: 30, to: 70) == [30, 50, 70])
    #expect(store.discarded == 1)
    #expect(Self.take(&store, tid: 1, from: 30, to: 70) == [])
    #expect(Self.take(&store, tid: 1, from: 0, to: .max) == [90])
    #expect(Self.take(&store, tid: 0, from: 0, to: 100) == [20, 40, 60, 80, 100])
    #expect(store.taken == 9)
    #expect(store.count == 0)
  }

  @Test func discardingForgetsOneThreadUpToATime() {
    var store = StackSampleStore(byteLimit: 1 << 20, largestStack: 64)
    for time in [10, 20, 30] as [UInt64] {
      Self.append(&store, tid: 1, at: time)
      Self.append(&store, tid: 2, at: time)
    }
    store.discard(tid: 1, upTo: 20)
    store.discard(tid: 3, upTo: .max)
    #expect(store.count == 4)
    #expect(Self.take(&store, tid: 1, from: 0, to: .max) == [30])
    #expect(Self.take(&store, tid: 2, from: 0, to: .max) == [10, 20, 30])
  }

  @Test func samplesOutOfOrderComeOutInOrder() {
    var store = StackSampleStore(byteLimit: 1 << 20, largestStack: 64)
    for time in [30, 10, 20, 40, 5] as [UInt64] { Self.append(&store, tid: 1, at: time) }
    #expect(Self.take(&store, tid: 1, from: 10, to: 30) == [10, 20, 30])
    #expect(Self.take(&store, tid: 1, from: 0, to: .max) == [40])
  }

  @Test func theBytesAreThoseOfTheSampleUntilTheNextAppend() {
    var store = StackSampleStore(byteLimit: 1 << 20, largestStack: 64)
    Self.append(&store, tid: 1, at: 7, chain: 1, stack: 24)
    Self.append(&store, tid: 1, at: 8, chain: 3, stack: 64)
    var taken = FlatArray<StackSample>()
    store.take(tid: 1, from: 0, to: .max, into: &taken)
    #expect(Array(store.userStack(of: taken[0])) == [UInt8](repeating: 7, count: 24))
    #expect(Array(store.kernelCallchain(of: taken[0])) == [UInt8](repeating: 7, count: 8))
    #expect(Array(store.userStack(of: taken[1])) == [UInt8](repeating: 8, count: 64))
    #expect(store.kernelCallchain(of: taken[1]).count == 24)
  }

  @Test func whatExceedsASlotIsCutOff() {
    var store = StackSampleStore(byteLimit: 1 << 20, largestStack: 64, deepestCallchain: 2)
    Self.append(&store, tid: 1, at: 1, chain: 5, stack: 100)
    Self.append(&store, tid: 1, at: 2, chain: 1, stack: 100)
    var taken = FlatArray<StackSample>()
    store.take(tid: 1, from: 0, to: .max, into: &taken)
    #expect(taken[0].kernelCallchain.length == 16)
    #expect(taken[0].userStack.length == 64)
    #expect(taken[1].userStack.length == 64)
    #expect(taken[0].dumpSize == 100)
    #expect(Array(store.userStack(of: taken[0])) == [UInt8](repeating: 1, count: 64))
  }

  /// A flood by one thread costs another, which sleeps since long, nothing; and the flooding one keeps its first and its last.
  @Test func aFullStoreTakesFromTheThreadThatHasMost() {
    var store = StackSampleStore(byteLimit: 64 << 10, largestStack: 1024)
    Self.append(&store, tid: 1, at: 1)
    for time in 2...10_000 as ClosedRange<UInt64> { Self.append(&store, tid: 2, at: time) }
    #expect(store.count == store.capacity)
    #expect(store.dropped == 10_000 - UInt64(store.capacity))
    #expect(Self.take(&store, tid: 1, from: 0, to: .max) == [1])
    let flood = Self.take(&store, tid: 2, from: 0, to: .max)
    #expect(flood.first == 2)
    #expect(flood.last == 10_000)
    #expect(flood == flood.sorted())
  }

  @Test func moreThreadsThanRoomAreAllBounded() {
    var store = StackSampleStore(byteLimit: 64 << 10, largestStack: 1024)
    for tid in 1...5_000 as ClosedRange<Int32> { Self.append(&store, tid: tid, at: UInt64(tid)) }
    #expect(store.count == store.capacity)
    #expect(store.capacity * 1024 < 64 << 10)
    #expect(store.appended == store.dropped + UInt64(store.count))
  }

  /// Against a store that is a plain array.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func itDoesAsAPlainArrayDoes(seed: UInt64) {
    var random = SplitMix64(state: seed)
    var store = StackSampleStore(byteLimit: 4 << 20, largestStack: 64)
    var plain: [(tid: Int32, time: UInt64)] = []
    for time in 1...2_000 as ClosedRange<UInt64> {
      let tid = Int32.random(in: 1...40, using: &random) * 16_384  // all in few buckets
      switch Int.random(in: 0..<10, using: &random) {
      case 0...5:
        let late = UInt64.random(in: 0...min(time, 3), using: &random)
        Self.append(&store, tid: tid, at: time - late)
        plain.append((tid, time - late))
      case 6...7:
        let (first, second) = (UInt64.random(in: 0...time, using: &random), UInt64.random(in: 0...time, using: &random))
        let expected = plain.filter { $0.tid == tid && ($0.time >= first) && $0.time <= max(first, second) }
        #expect(
          Self.take(&store, tid: tid, from: first, to: max(first, second)) == expected.map(\.time).sorted())
        plain.removeAll { $0.tid == tid && $0.time <= max(first, second) }
      default:
        let end = UInt64.random(in: 0...time, using: &random)
        store.discard(tid: tid, upTo: end)
        plain.removeAll { $0.tid == tid && $0.time <= end }
      }
      #expect(store.count == plain.count)
    }
    #expect(store.appended == store.taken + store.discarded + UInt64(store.count))
    #expect(store.dropped == 0)
  }
}
