import Testing

@testable import Session

/// The stacks are those of Linux 6.18 and 6.1, innermost function first.
@Suite struct WaitReasonTests {
  @Test(arguments: [
    (
      [
        "__schedule", "schedule", "schedule_hrtimeout_range_clock", "do_epoll_wait", "__x64_sys_epoll_wait",
        "do_syscall_64",
      ], Cause.Kind.idle, "do_epoll_wait"
    ),
    (
      ["__schedule", "schedule", "do_nanosleep", "hrtimer_nanosleep", "common_nsleep", "__x64_sys_clock_nanosleep"],
      .timer, "do_nanosleep"
    ),
    (
      ["__schedule", "schedule", "futex_do_wait", "__futex_wait", "futex_wait", "do_futex", "__x64_sys_futex"], .futex,
      "futex_do_wait"
    ),
    (["__schedule", "schedule", "anon_pipe_read", "vfs_read", "ksys_read"], .pipe, "anon_pipe_read"),
    (
      [
        "__schedule", "schedule", "io_schedule", "bit_wait_io", "__wait_on_bit", "out_of_line_wait_on_bit",
        "__sync_dirty_buffer", "ext4_write_inode", "ext4_sync_file",
      ], .disk, "__sync_dirty_buffer"
    ),
    (
      [
        "__schedule", "schedule", "schedule_timeout", "io_schedule_timeout", "wait_for_completion_io",
        "submit_bio_wait", "blkdev_issue_flush", "ext4_sync_file", "__x64_sys_fdatasync",
      ], .disk, "submit_bio_wait"
    ),
    (
      [
        "__schedule", "schedule", "io_schedule", "folio_wait_bit_common", "filemap_fault", "__do_fault",
        "handle_mm_fault", "do_user_addr_fault", "exc_page_fault", "asm_exc_page_fault",
      ], .pageFault, "folio_wait_bit_common"
    ),
    (
      ["__schedule", "schedule", "handle_userfault", "do_anonymous_page", "handle_mm_fault", "exc_page_fault"],
      .pageFault, "handle_userfault"
    ),
    (
      [
        "__schedule", "schedule", "schedule_timeout", "reclaim_throttle", "shrink_node", "try_to_free_mem_cgroup_pages",
        "try_charge_memcg", "handle_mm_fault", "exc_page_fault",
      ], .memory, "reclaim_throttle"
    ),
    (
      [
        "__schedule", "schedule_preempt_disabled", "rwsem_down_write_slowpath", "down_write_killable", "__vm_munmap",
        "__x64_sys_munmap",
      ], .kernelLock, "rwsem_down_write_slowpath"
    ),
    (
      ["__schedule", "schedule", "__refrigerator", "get_signal", "arch_do_signal_or_restart"], .frozen, "__refrigerator"
    ),
    (
      ["__schedule", "schedule", "get_signal", "arch_do_signal_or_restart", "exit_to_user_mode_loop"], .frozen,
      "get_signal"
    ),
    (["__schedule", "schedule", "do_wait", "kernel_wait4", "do_syscall_64"], .child, "do_wait"),
    (
      ["__schedule", "schedule", "schedule_timeout", "wait_for_completion_state", "kernel_clone", "__do_sys_vfork"],
      .child, "kernel_clone"
    ),
    (
      ["__schedule", "schedule", "unix_stream_read_generic", "unix_stream_recvmsg", "__sys_recvfrom"], .socket,
      "unix_stream_read_generic"
    ),
    (["__schedule", "schedule", "jbd2_log_wait_commit", "ext4_sync_file", "do_fsync"], .disk, "jbd2_log_wait_commit"),
    (["__schedule", "schedule", "do_poll.constprop.0", "do_sys_poll", "__x64_sys_poll"], .idle, "do_poll"),
    (
      ["__schedule", "schedule", "throttle_cfs_rq_work", "task_work_run", "exit_to_user_mode_loop"], .throttled,
      "throttle_cfs_rq_work"
    ),
    (["__schedule", "__cond_resched", "task_work_run", "irqentry_exit_to_user_mode"], .throttled, "task_work_run"),
    (["__schedule", "schedule", "some_new_driver_wait", "ksys_read"], .other, "some_new_driver_wait"),
  ]) func theOutermostFunctionThatTellsDecides(functions: [String], kind: Cause.Kind, place: String) {
    #expect(WaitReason(of: functions) == WaitReason(kind: kind, place: place))
  }

  @Test func aSyscallTellsOnlyWhereItWaitsForOneSortOfThing() {
    #expect(WaitReason.kind(ofSyscall: "epoll_wait") == .idle)
    #expect(WaitReason.kind(ofSyscall: "wait4") == .child)
    #expect(WaitReason.kind(ofSyscall: "fdatasync") == .unknown)
    #expect(WaitReason.kind(ofSyscall: "read") == .unknown)
  }
}
