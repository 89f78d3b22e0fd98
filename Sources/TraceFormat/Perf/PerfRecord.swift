package import TraceModel

/// One record of a perf ring or a perf.data file, of fixed size. Spans are offsets into the record's bytes, header included.
package enum PerfRecord: Sendable, BitwiseCopyable {
  case sample(PerfSample)
  /// The ring had no room for `count` records before this one.
  case lost(count: UInt64, stamp: PerfStamp)
  /// `count` samples of one event were lost, in the ring or before it.
  case lostSamples(count: UInt64, stamp: PerfStamp)
  case mapping(PerfMapping)
  case name(PerfName)
  /// `task` was created by `parent`.
  case fork(PerfTask)
  case exit(PerfTask)
  /// A task got the CPU, or lost it (`isOut`), while runnable (`isPreempted`).
  case contextSwitch(isOut: Bool, isPreempted: Bool, stamp: PerfStamp)
  /// The kernel stops an event for the rest of the tick, as it has sampled too often.
  case throttle(PerfStamp)
  case unthrottle(PerfStamp)
  /// Another type of record, not decoded.
  case other(type: UInt32, stamp: PerfStamp)
}

/// Who and when: the trailer of records that are not samples. A field that the recording lacks is 0.
package struct PerfStamp: Sendable, Equatable, BitwiseCopyable {
  /// The time by the recording's clock, ns.
  package var timestamp: UInt64 = 0
  package var pid: Int32 = 0
  package var tid: Int32 = 0
  package var cpu: UInt32 = 0
  /// The number that tells events of one recording apart.
  package var identifier: UInt64 = 0
}

/// PERF_RECORD_SAMPLE, as far as an unwinder needs it.
package struct PerfSample: Sendable, BitwiseCopyable {
  package var stamp = PerfStamp()
  /// The instruction pointer at the event, in the kernel or not; 0 where not recorded.
  package var instructionPointer: UInt64 = 0
  /// The registers of user space; nothing is known of a task without an address space.
  package var registers: UserRegisters
  /// The return addresses in the kernel, innermost first, without the marker before them.
  package var kernelCallchain: ByteSpan = .empty
  /// The return addresses in user space, found by frame pointers.
  package var userCallchain: ByteSpan = .empty
  /// A tracepoint's own fields.
  package var raw: ByteSpan = .empty
  /// The user stack from the stack pointer upwards, as far as it could be read.
  package var userStack: ByteSpan = .empty
  /// The number of bytes of user stack that were asked for.
  package var dumpSize = 0
}

/// PERF_RECORD_MMAP and MMAP2: a process mapped a file, or memory, that holds code.
package struct PerfMapping: Sendable, BitwiseCopyable {
  package var stamp = PerfStamp()
  package var pid: Int32
  package var tid: Int32
  package var start: UInt64
  package var length: UInt64
  /// The mapping's offset in the file, bytes.
  package var fileOffset: UInt64
  /// The file's path as the process sees it, `//anon`, `[vdso]` and the like; without its zero.
  package var path: ByteSpan
  /// The file's build id; empty where the kernel could not read it, or was not asked to.
  package var buildID: ByteSpan = .empty
  /// The major number of the file's device, which helps to tell the file where there is no build id.
  package var deviceMajor: UInt32 = 0
  package var deviceMinor: UInt32 = 0
  package var inode: UInt64 = 0
  package var inodeGeneration: UInt64 = 0
  /// The mapping's PROT_ bits; 0 in an MMAP record.
  package var protection: UInt32 = 0
  /// Whether the memory is not mapped as code.
  package var isData: Bool
}

/// PERF_RECORD_COMM: a thread has another name.
package struct PerfName: Sendable, BitwiseCopyable {
  package var stamp = PerfStamp()
  package var pid: Int32
  package var tid: Int32
  /// The thread's new name, without its zero.
  package var name: ByteSpan
  /// Whether an exec gave the name: then all mappings of the process are gone.
  package var isExec: Bool
}

/// PERF_RECORD_FORK and EXIT.
package struct PerfTask: Sendable, Equatable, BitwiseCopyable {
  package var stamp = PerfStamp()
  package var pid: Int32
  package var tid: Int32
  package var parentPid: Int32
  package var parentTid: Int32
}
