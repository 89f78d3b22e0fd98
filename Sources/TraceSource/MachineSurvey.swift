internal import CTraceFS
internal import Glibc
internal import SystemCalls
internal import SystemPackage
internal import TraceFormat
internal import TraceModel

/// One thing that the tool needs or can use, and whether this machine has it.
package struct Finding: Sendable, Equatable {
  package enum Status: String, Sendable {
    case ok
    case missing
    case notPermitted = "not permitted"
  }

  package var status: Status
  package var subject: String
  /// What is lost without this thing.
  package var loss: String
  /// Whether nothing can be captured without this thing.
  package var isEssential: Bool

  init(_ status: Status, _ subject: String, loss: String, isEssential: Bool = false) {
    self.status = status
    self.subject = subject
    self.loss = loss
    self.isEssential = isEssential
  }
}

/// Finds out, by looking, what this machine offers. Makes a small instance of its own for what can only be tried.
package struct MachineSurvey {
  private let tracefs: any TracefsAccess

  package init(_ tracefs: any TracefsAccess) { self.tracefs = tracefs }

  package func findings() -> [Finding] {
    [permissions(), numbering()] + events() + instanceFeatures() + probes() + [stackSamples()] + causes()
  }

  private func permissions() -> Finding {
    let root = geteuid() == 0
    return Finding(
      root ? .ok : .notPermitted, "run as root", loss: "tracefs and other users' processes cannot be used",
      isEssential: true)
  }

  private func numbering() -> Finding {
    let isInitial = (try? PIDNamespace.requireInitial()) != nil
    return Finding(isInitial ? .ok : .missing, "the host's pid namespace", loss: "everything", isEssential: true)
  }

  private func events() -> [Finding] {
    TracedEvent.allCases.map { event in
      Finding(
        tracefs.exists("events/\(event.name.system)/\(event.name.name)/format") ? .ok : .missing,
        "event \(event.name)", loss: event.purpose, isEssential: event.isEssential)
    }
  }

  /// What `--blame` uses besides.
  private func causes() -> [Finding] {
    let events = CauseEvent.allCases.map { event in
      file("events/\(event.name.path)/format", "event \(event.name) for --blame", loss: event.purpose)
    }
    let limits = ProcessLimits()
    let hasPressure = PressureFacts.read() != nil
    return events + [
      file(
        "events/\(CauseEvent.kernelStack.path)/format", "kernel stacks at switches for --blame",
        loss: "what threads wait for"),
      Finding(limits.seesQuotas ? .ok : .missing, "control groups' CPU quotas for --blame", loss: "throttled time"),
      Finding(limits.seesFreezers ? .ok : .missing, "control groups' freezers for --blame", loss: "frozen time"),
      Finding(
        hasPressure ? .ok : .missing, "pressure stall information (CONFIG_PSI) for --blame",
        loss: "how long tasks of the machine waited for CPU, memory and disks"),
    ]
  }

  private func probes() -> [Finding] {
    let histogram = "events/\(TracedEvent.contextSwitch.name.system)/\(TracedEvent.contextSwitch.name.name)/hist"
    return [
      file("kprobe_events", "kprobes (CONFIG_KPROBE_EVENTS)", loss: "kprobe and kretprobe triggers"),
      file("uprobe_events", "uprobes (CONFIG_UPROBE_EVENTS)", loss: "uprobe, uretprobe and USDT triggers"),
      file(histogram, "hist triggers (CONFIG_HIST_TRIGGERS)", loss: "nothing yet; in-kernel summaries"),
    ]
  }

  private func file(_ path: String, _ subject: String, loss: String) -> Finding {
    Finding(tracefs.exists(path) ? .ok : .missing, subject, loss: loss)
  }

  // MARK: What an instance can do

  private func instanceFeatures() -> [Finding] {
    let instance: TracingInstance
    do throws(CaptureError) {
      instance = try .create(tracefs, owner: .current, settings: BufferSettings(bufferKiB: 64, subBufferKiB: 4))
    } catch {
      let status: Finding.Status = error.code == .notPermitted ? .notPermitted : .missing
      return [
        Finding(status, "a tracing instance (\(error.what))", loss: "everything", isEssential: true)
      ]
    }
    let hasFilter = (try? instance.watch(tids: [getpid()])) != nil
    return [
      Finding(.ok, "a tracing instance, clock mono, event-fork", loss: "everything", isEssential: true),
      Finding(hasFilter ? .ok : .missing, "pid filter (set_event_pid)", loss: "everything", isEssential: true),
      file(
        instance.path("buffer_subbuf_size_kb"), "sub-buffer sizes (Linux 6.8)",
        loss: "reading costs about twice as much"),
      mappedBuffer(instance),
    ]
  }

  private func mappedBuffer(_ instance: borrowing TracingInstance) -> Finding {
    var isMapped = false
    if let cpu = try? instance.cpus().first, let pipe = try? instance.openRawPipe(cpu: cpu) {
      let size = Int(sysconf(Int32(_SC_PAGESIZE)))
      let memory = mmap(nil, size, PROT_READ, MAP_SHARED, pipe.descriptor.rawValue, 0)
      if memory != MAP_FAILED {
        isMapped = true
        munmap(memory, size)
      }
    }
    return Finding(
      isMapped ? .ok : .missing, "mapped ring buffer (Linux 6.10)", loss: "nothing: reading measures better, see Docs")
  }

  private func stackSamples() -> Finding {
    let error = kdelay_try_stack_samples()
    let status: Finding.Status =
      switch error {
      case 0: .ok
      case EPERM, EACCES: .notPermitted
      default: .missing
      }
    return Finding(
      status, "perf events with user registers and stack",
      loss:
        "user stacks of slow syscalls by DWARF (the kernel follows at most 8 frame pointers instead), what they compute"
    )
  }
}
