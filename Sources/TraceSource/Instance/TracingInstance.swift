internal import CTraceFS
internal import Glibc
package import SystemCalls
internal import SystemPackage
package import TraceFormat

/// The buffers of an instance.
package struct BufferSettings: Sendable {
  /// The size of the ring buffer per CPU, KiB.
  package var bufferKiB: Int
  /// The size of a sub-buffer to ask for where the kernel lets it be chosen, KiB.
  package var subBufferKiB: Int

  package init(bufferKiB: Int, subBufferKiB: Int = 64) {
    self.bufferKiB = bufferKiB
    self.subBufferKiB = subBufferKiB
  }
}

/// `instances/NAME` while it exists: removed when its owner goes, however that comes about.
package struct InstanceDirectory: ~Copyable {
  let tracefs: any TracefsAccess
  let name: String
  private var exists = true

  init(_ tracefs: any TracefsAccess, _ name: String) throws(CaptureError) {
    self.tracefs = tracefs
    self.name = name
    try tracefs.createInstance(name)
  }

  deinit {
    if exists { try? Self.remove(name, tracefs) }
  }

  consuming func remove() throws(CaptureError) {
    exists = false
    try Self.remove(name, tracefs)
  }

  /// All files of the instance must be closed; somebody else's reader in it is waited for a second.
  private static func remove(_ name: String, _ tracefs: any TracefsAccess) throws(CaptureError) {
    var attempts = 100
    while true {
      do { return try tracefs.removeInstance(name) } catch {
        attempts -= 1
        if attempts == 0 { throw error }
        usleep(10_000)
      }
    }
  }
}

/// A private tracing instance: created for one capture, gone with it.
package struct TracingInstance: ~Copyable {
  private let tracefs: any TracefsAccess
  package let name: String
  /// What the instance is for.
  let purpose: InstanceOwner.Purpose
  // Fields go in this order: what keeps the directory busy before the directory.
  /// The open file at whose closing the kernel stops recording and frees the buffer (`options/disable_on_free`), even after
  /// SIGKILL.
  private var freeBuffer: OwnedDescriptor?
  /// Shows others, in any pid namespace, that the instance has an owner.
  private var lock: DirectoryLock?
  private var directory: InstanceDirectory

  private init(
    _ tracefs: any TracefsAccess, _ purpose: InstanceOwner.Purpose, _ directory: consuming InstanceDirectory,
    _ lock: consuming DirectoryLock?
  ) {
    self.tracefs = tracefs
    self.purpose = purpose
    name = directory.name
    freeBuffer = nil
    self.lock = lock
    self.directory = directory
  }

  /// Creates the instance and sets it up; no event is enabled yet. Whatever fails, it is removed again.
  package static func create(
    _ tracefs: any TracefsAccess, owner: InstanceOwner, purpose: InstanceOwner.Purpose = .data, settings: BufferSettings
  ) throws(CaptureError) -> TracingInstance {
    let name = owner.instanceName(purpose)
    let creation = DirectoryLock.wait(for: "\(tracefs.root)/instances")
    let directory = try InstanceDirectory(tracefs, name)
    let lock = DirectoryLock.wait(for: "\(tracefs.root)/instances/\(name)")
    var instance = TracingInstance(tracefs, purpose, directory, lock)
    instance.leaveNamesUnsaved()
    _ = consume creation
    try instance.configure(settings)
    return instance
  }

  /// Keeps the kernel from saving the names of tasks at switches that follow a record, for readers of text: that is the larger
  /// part of what a recorded switch costs, and nobody reads this instance as text.
  ///
  /// Clearing the option makes the kernel stop it for all events of all instances that are enabled at that time
  /// (trace_event_enable_cmd_record). So it is done only where there are none.
  private func leaveNamesUnsaved() {
    guard let others = try? tracefs.list("instances") else { return }
    for place in [""] + others.filter({ $0 != name }).map({ "instances/\($0)/" }) {
      guard let enabled = try? tracefs.read("\(place)set_event"), enabled.isEmpty else { return }
    }
    try? set("trace_options", "norecord-cmd")
  }

  private mutating func configure(_ settings: BufferSettings) throws(CaptureError) {
    try set("tracing_on", "0")
    try set("trace_clock", "mono")
    try set("options/overwrite", "1")
    try set("options/event-fork", "1")
    try set("options/disable_on_free", "1")
    freeBuffer = try tracefs.open(path("free_buffer"), .writeOnly)
    // The sub-buffer's size first: it changes what the buffer's size is rounded to.
    if tracefs.exists(path("buffer_subbuf_size_kb")) {
      try set("buffer_subbuf_size_kb", "\(settings.subBufferKiB)")
    }
    try set("buffer_size_kb", "\(settings.bufferKiB)")
  }

  /// Where tracefs is mounted.
  var root: String { tracefs.root }

  package func path(_ file: String) -> String { "\(directoryPath)/\(file)" }

  private var directoryPath: String { "instances/\(name)" }

  package func set(_ file: String, _ value: String, append: Bool = false) throws(CaptureError) {
    try tracefs.write(value, to: path(file), append: append)
  }

  package func read(_ file: String) throws(CaptureError) -> String { try tracefs.read(path(file)) }

  /// Adds tasks to the filter that all events of this instance obey.
  package func watch(tids: [Int32]) throws(CaptureError) {
    try set("set_event_pid", tids.map(String.init).joined(separator: " "), append: true)
  }

  package func enable(_ event: EventName) throws(CaptureError) {
    try set("events/\(event.path)/enable", "1")
  }

  /// Why the kernel refused `command`, where it says so.
  func reason(for command: String) -> String? { KernelReason.read(tracefs, path("error_log"), for: command) }

  /// The kernel's account of its ring buffers.
  var counters: RingCounters { RingCounters(tracefs, directory: directoryPath) }

  /// The number of bytes of a sub-buffer: one page of memory where the kernel does not let it be chosen.
  var pageSize: Int {
    guard let text = try? read("buffer_subbuf_size_kb"), let kibibytes = Int(text.filter(\.isNumber)), kibibytes > 0
    else { return Int(sysconf(Int32(_SC_PAGESIZE))) }
    return kibibytes * 1024
  }

  /// The CPUs with a buffer, ascending; those offline now included, since they may come.
  package func cpus() throws(CaptureError) -> [Int] {
    try tracefs.list(path("per_cpu")).compactMap { name in
      name.hasPrefix("cpu") ? Int(name.dropFirst(3)) : nil
    }.sorted()
  }

  package func openRawPipe(cpu: Int) throws(CaptureError) -> OwnedDescriptor {
    try tracefs.open(path("per_cpu/cpu\(cpu)/trace_pipe_raw"), .readOnly)
  }

  /// Removes the instance. All its files must be closed.
  package consuming func close() throws(CaptureError) {
    freeBuffer = nil
    lock = nil
    try directory.remove()
  }
}
