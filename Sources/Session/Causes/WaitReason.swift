/// What a thread waits for, by the kernel's functions that it gave up its CPU in.
///
/// The outermost function that tells decides: it is nearest to what the program asked for. Its name may have a suffix that the compiler
/// has given it. Two kinds are told by inner functions and decide nevertheless, as what the outer ones wanted could not be had for
/// that reason: memory, and a freezer. Names are those of Linux 5.10 to 6.18.
package struct WaitReason: Sendable, Equatable {
  package var kind: Cause.Kind
  /// The function that gave up the CPU, without those of the scheduler and of waiting as such; nil where nothing is left.
  package var place: String?

  package init(kind: Cause.Kind, place: String?) {
    self.kind = kind
    self.place = place
  }

  /// Classifies the functions of a kernel stack, innermost first.
  package init(of functions: [String]) {
    let names = functions.map(Self.withoutSuffix)
    let place = names.first { !Self.isScheduling($0) }
    self.init(kind: Self.kind(of: names), place: place)
  }

  private static func kind(of names: [String]) -> Cause.Kind {
    if let kind = freezer(names) { return kind }
    if names.contains(where: { Self.memory.contains($0) }) { return .memory }
    for (position, name) in names.enumerated().reversed() {
      if let kind = kinds[name] ?? Self.kind(byPrefixOf: name) { return kind }
      // A parent waits until the child that borrows its memory has another one: the function that waits can be inlined.
      if name == "kernel_clone", position > 0, names[position - 1].hasPrefix("wait_for_completion") { return .child }
    }
    // Whoever waits for block I/O says so to the scheduler, which counts it as such.
    return names.contains { $0.hasPrefix("io_schedule") || $0 == "bit_wait_io" } ? .disk : .other
  }

  /// What holds a thread on its way to user mode: the freezer sleeps in `get_signal` itself, where nothing else sleeps so.
  private static func freezer(_ names: [String]) -> Cause.Kind? {
    if names.contains("__refrigerator") || names.contains("do_freezer_trap") { return .frozen }
    switch names.first(where: { !isScheduling($0) }) {
    case "get_signal": return .frozen
    // Since Linux 6.18 a thread whose group has used up its quota takes itself off its CPU by a task's work, behind which the
    // thread is switched out. Other works end there too: that the group was throttled is for the caller to see.
    case "task_work_run", "throttle_cfs_rq_work": return .throttled
    default: return nil
    }
  }

  /// Takes off what a compiler adds to the name of a function's copy: `.constprop.0`, `.isra.0`, `.part.0`, `.cold`.
  private static func withoutSuffix(_ name: String) -> String {
    name.firstIndex(of: ".").map { String(name[..<$0]) } ?? name
  }

  /// Whether the function is one of the scheduler, or waits for whatever its caller wants.
  private static func isScheduling(_ name: String) -> Bool {
    scheduling.contains(name) || name.hasPrefix("trace_event_raw_event_") || name.hasPrefix("__traceiter_")
      || name.hasPrefix("__bpf_trace_") || name.hasPrefix("perf_trace_") || name.hasPrefix("wait_for_completion")
      || name.hasPrefix("__wait_for_common") || name.hasPrefix("schedule_") || name.hasPrefix("io_schedule_")
  }

  private static let scheduling: Set<String> = [
    "__schedule", "schedule", "io_schedule", "preempt_schedule", "preempt_schedule_common", "preempt_schedule_notrace",
    "preempt_schedule_irq", "__cond_resched", "__schedule_loop", "bit_wait", "bit_wait_io", "__wait_on_bit",
    "__wait_on_bit_lock",
    "out_of_line_wait_on_bit", "out_of_line_wait_on_bit_lock", "wait_woken", "do_wait_intr", "do_wait_intr_irq",
    "stack_trace_save", "__ftrace_trace_stack", "__trace_stack", "stacktrace_trigger", "stacktrace_count_trigger",
    "event_triggers_call", "event_triggers_post_call", "trace_event_buffer_commit", "trace_event_buffer_reserve",
    "rt_mutex_schedule", "rwbase_read_lock",
  ]

  private static let memory: Set<String> = [
    "try_to_free_pages", "try_to_free_mem_cgroup_pages", "mem_cgroup_handle_over_high", "__mem_cgroup_handle_over_high",
    "reclaim_throttle", "throttle_direct_reclaim", "out_of_memory", "mem_cgroup_out_of_memory",
    "__alloc_pages_slowpath",
    "__alloc_pages_direct_compact", "try_to_compact_pages", "mem_cgroup_oom_synchronize", "alloc_pages_slowpath",
  ]

  private static let kinds: [String: Cause.Kind] = {
    var kinds: [String: Cause.Kind] = [:]
    for (kind, names) in functions {
      for name in names { kinds[name] = kind }
    }
    return kinds
  }()

  private static let functions: [(kind: Cause.Kind, names: [String])] = [
    (
      .idle,
      [
        "do_epoll_wait", "ep_poll", "do_sys_poll", "do_poll", "do_select", "core_sys_select", "io_cqring_wait",
        "inet_csk_accept", "inet_accept", "unix_accept", "vsock_accept", "do_accept", "__sys_accept4_file",
        "eventfd_read",
        "timerfd_read", "timerfd_read_iter", "signalfd_read", "signalfd_read_iter", "inotify_read", "fanotify_read",
        "do_sigtimedwait", "sigsuspend", "__do_sys_pause", "__x64_sys_pause", "sys_pause", "read_events",
        "do_io_getevents",
      ]
    ),
    (.timer, ["hrtimer_nanosleep", "do_nanosleep", "common_nsleep", "common_nsleep_timens", "alarm_timer_nsleep"]),
    (
      .pageFault,
      [
        "exc_page_fault", "asm_exc_page_fault", "do_user_addr_fault", "do_page_fault", "do_mem_abort",
        "handle_mm_fault",
        "handle_userfault", "faultin_page", "fixup_user_fault",
      ]
    ),
    (
      .futex,
      [
        "futex_wait", "__futex_wait", "futex_wait_queue", "futex_wait_queue_me", "futex_lock_pi",
        "futex_wait_requeue_pi",
        "futex_wait_multiple", "do_futex",
      ]
    ),
    (.child, ["do_wait", "kernel_wait4", "kernel_waitid", "wait_for_vfork_done"]),
    (
      .pipe,
      [
        "pipe_read", "pipe_write", "anon_pipe_read", "anon_pipe_write", "fifo_pipe_read", "fifo_pipe_write",
        "pipe_wait", "fifo_open", "wait_for_partner",
      ]
    ),
    (
      .fileLock,
      [
        "locks_lock_inode_wait", "flock_lock_inode_wait", "posix_lock_inode_wait", "do_lock_file_wait", "fcntl_setlk",
        "__break_lease",
      ]
    ),
    (
      .socket,
      [
        "unix_stream_read_generic", "unix_stream_data_wait", "unix_wait_for_peer", "unix_stream_sendmsg",
        "unix_dgram_sendmsg",
        "unix_dgram_recvmsg", "__unix_dgram_recvmsg", "sock_alloc_send_pskb", "inet_stream_connect",
        "__inet_stream_connect", "inet_wait_for_connect",
        "tcp_recvmsg", "tcp_recvmsg_locked", "tcp_sendmsg", "tcp_sendmsg_locked", "udp_recvmsg", "udpv6_recvmsg",
        "__skb_recv_udp", "lock_sock_nested", "__lock_sock", "tcp_close", "inet_release",
      ]
    ),
    (
      .disk,
      [
        "submit_bio_wait", "blkdev_issue_flush", "wait_on_buffer", "__wait_on_buffer", "folio_wait_bit_common",
        "folio_wait_bit",
        "folio_wait_writeback", "__folio_lock", "__folio_lock_killable", "wait_on_page_bit", "wait_on_page_bit_common",
        "wait_on_page_writeback", "__lock_page", "filemap_fdatawait_range", "__filemap_fdatawait_range",
        "balance_dirty_pages", "balance_dirty_pages_ratelimited", "balance_dirty_pages_ratelimited_flags",
        "sync_inodes_sb",
        "wb_wait_for_completion", "wait_sb_inodes", "rq_qos_wait", "wbt_wait", "blk_mq_get_tag", "__bio_queue_enter",
        "blk_throtl_bio", "__blk_throtl_bio", "blk_wait_io", "__blockdev_direct_IO", "__iomap_dio_rw", "iomap_dio_rw",
        "dio_await_completion",
        "do_get_write_access", "wait_transaction_locked", "start_this_handle", "file_write_and_wait_range",
        "swap_read_folio",
        "blkcg_maybe_throttle_current", "read_swap_cache_async",
      ]
    ),
    (
      .kernelLock,
      [
        "rwsem_down_read_slowpath", "rwsem_down_write_slowpath", "__mutex_lock", "__mutex_lock_slowpath", "mutex_lock",
        "mutex_lock_killable", "__mutex_lock_killable_slowpath", "__mutex_lock_interruptible_slowpath", "down_read",
        "down_write", "down_read_killable", "down_write_killable", "__down",
        "__down_common", "percpu_rwsem_wait", "percpu_down_write", "__percpu_down_read", "rtlock_slowlock_locked",
        "rt_spin_lock",
        "rt_mutex_slowlock", "__rt_mutex_slowlock", "rwbase_write_lock", "synchronize_rcu", "__wait_rcu_gp",
        "synchronize_rcu_expedited", "synchronize_srcu", "__synchronize_srcu",
      ]
    ),
    (
      .device,
      [
        "n_tty_read", "n_tty_write", "tty_wait_until_sent", "evdev_read", "blk_execute_rq", "sg_io",
        "usb_start_wait_urb", "drm_wait_vblank_ioctl",
      ]
    ),
  ]

  /// Families of functions whose members have many names.
  private static func kind(byPrefixOf name: String) -> Cause.Kind? {
    prefixes.first { name.hasPrefix($0.prefix) }?.kind
  }

  private static let prefixes: [(prefix: String, kind: Cause.Kind)] = [
    ("jbd2_", .disk), ("xlog_", .disk), ("xfs_log_", .disk), ("xfs_buf_", .disk),
    ("btrfs_wait_", .disk), ("f2fs_issue_", .disk), ("sk_wait_", .socket), ("sk_stream_wait_", .socket),
    ("__skb_wait_for_", .socket), ("skb_wait_for_", .socket), ("vsock_", .socket), ("nfs_wait_", .other),
  ]
}

extension WaitReason {
  /// What a blocked thread waits for where no kernel stack tells: only syscalls that wait for one sort of thing say so.
  package static func kind(ofSyscall name: String) -> Cause.Kind {
    switch name {
    case "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "_newselect", "pselect6", "accept",
      "accept4",
      "io_uring_enter", "io_getevents", "io_pgetevents", "rt_sigtimedwait", "rt_sigsuspend", "pause", "epoll_wait_old",
      "ppoll_time64", "pselect6_time64", "rt_sigtimedwait_time64":
      .idle
    case "nanosleep", "clock_nanosleep", "clock_nanosleep_time64": .timer
    case "futex", "futex_waitv", "futex_wait", "futex_time64": .futex
    case "wait4", "waitid", "waitpid", "vfork": .child
    case "flock": .fileLock
    case "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg", "connect", "recv", "send",
      "recvmmsg_time64":
      .socket
    default: .unknown
    }
  }
}
