internal import TraceFormat

/// Formats as a 64-bit kernel prints them, with the ids of the fixtures' 6.18, so that its pages are whole events.
enum FuzzFormats {
  private static func id(of event: TracedEvent) -> Int {
    switch event {
    case .syscallEnter: 443
    case .syscallExit: 442
    case .contextSwitch: 372
    case .wakeupNew: 373
    case .wakeup: 374
    case .hardIRQEntry: 225
    case .hardIRQExit: 224
    case .softIRQEntry: 223
    case .softIRQExit: 222
    case .newTask: 205
    case .rename: 204
    case .exit: 369
    case .exec: 365
    case .waking: 375
    }
  }

  static let headerPage = """
    \tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
    \tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
    \tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
    \tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;
    """

  /// Of what the options `stacktrace` and `userstacktrace` add.
  static let kernelStack = format(
    "kernel_stack", 4,
    ["int size;\toffset:8;\tsize:4;\tsigned:1;", "unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;"])
  static let userStack = format(
    "user_stack", 13,
    ["unsigned int tgid;\toffset:8;\tsize:4;\tsigned:0;", "unsigned long caller[8];\toffset:16;\tsize:64;\tsigned:0;"])

  static func format(of event: TracedEvent) -> String { format(event.name.name, id(of: event), fields(of: event)) }

  static func format(of event: CauseEvent) -> String {
    switch event {
    case .pageFault: format("page_fault_user", 190, ["unsigned long address;\toffset:8;\tsize:8;\tsigned:0;"])
    case .reclaimBegin: format("mm_vmscan_direct_reclaim_begin", 637, [])
    case .reclaimEnd: format("mm_vmscan_direct_reclaim_end", 634, [])
    case .groupReclaimBegin: format("mm_vmscan_memcg_reclaim_begin", 636, [])
    case .groupReclaimEnd: format("mm_vmscan_memcg_reclaim_end", 633, [])
    case .compactionBegin: format("mm_compaction_begin", 670, [])
    case .compactionEnd: format("mm_compaction_end", 669, [])
    case .contentionBegin:
      format(
        "contention_begin", 408,
        ["void * lock_addr;\toffset:8;\tsize:8;\tsigned:0;", "unsigned int flags;\toffset:16;\tsize:4;\tsigned:0;"])
    case .contentionEnd: format("contention_end", 407, ["void * lock_addr;\toffset:8;\tsize:8;\tsigned:0;"])
    case .diskRequest: format("block_rq_issue", 2104, ["dev_t dev;\toffset:8;\tsize:4;\tsigned:0;"])
    }
  }

  private static func format(_ name: String, _ id: Int, _ fields: [String]) -> String {
    let common = """
      name: \(name)
      ID: \(id)
      format:
      \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
      \tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
      \tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
      \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

      """
    return common + fields.map { "\tfield:\($0)\n" }.joined()
  }

  private static func fields(of event: TracedEvent) -> [String] {
    switch event {
    case .syscallEnter:
      ["long id;\toffset:8;\tsize:8;\tsigned:1;", "unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;"]
    case .syscallExit:
      ["long id;\toffset:8;\tsize:8;\tsigned:1;", "long ret;\toffset:16;\tsize:8;\tsigned:1;"]
    case .contextSwitch:
      [
        "pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;", "long prev_state;\toffset:32;\tsize:8;\tsigned:1;",
        "char next_comm[16];\toffset:40;\tsize:16;\tsigned:0;", "pid_t next_pid;\toffset:56;\tsize:4;\tsigned:1;",
      ]
    case .wakeup, .wakeupNew, .waking:
      ["pid_t pid;\toffset:24;\tsize:4;\tsigned:1;", "int target_cpu;\toffset:32;\tsize:4;\tsigned:1;"]
    case .exit:
      ["pid_t pid;\toffset:24;\tsize:4;\tsigned:1;"]
    case .hardIRQEntry:
      ["int irq;\toffset:8;\tsize:4;\tsigned:1;", "__data_loc char[] name;\toffset:12;\tsize:4;\tsigned:0;"]
    case .hardIRQExit:
      ["int irq;\toffset:8;\tsize:4;\tsigned:1;", "int ret;\toffset:12;\tsize:4;\tsigned:1;"]
    case .softIRQEntry, .softIRQExit:
      ["unsigned int vec;\toffset:8;\tsize:4;\tsigned:0;"]
    case .newTask:
      [
        "pid_t pid;\toffset:8;\tsize:4;\tsigned:1;", "char comm[16];\toffset:12;\tsize:16;\tsigned:0;",
        "u64 clone_flags;\toffset:32;\tsize:8;\tsigned:0;",
      ]
    case .rename:
      ["pid_t pid;\toffset:8;\tsize:4;\tsigned:1;", "char newcomm[16];\toffset:28;\tsize:16;\tsigned:0;"]
    case .exec:
      [
        "__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;", "pid_t pid;\toffset:12;\tsize:4;\tsigned:1;",
        "pid_t old_pid;\toffset:16;\tsize:4;\tsigned:1;",
      ]
    }
  }
}
