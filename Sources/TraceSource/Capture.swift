package import TraceFormat

/// A live capture: what was set up in tracefs, and the reader of what it records.
package struct Capture: ~Copyable {
  // Fields go in this order: open ring buffers keep the instances busy.
  package var reader: StreamReader<LivePages>
  package var setup: CaptureSetup

  /// Sets the capture up, recording nothing yet.
  package init(
    _ tracefs: any TracefsAccess, owner: InstanceOwner = .current, settings: CaptureSettings
  ) throws(CaptureError) {
    let setup = try CaptureSetup(tracefs, owner: owner, settings: settings)
    // Slow syscalls are reported in the order of their ends, and windows of the past begin anywhere. Without sched_switch nothing
    // tells that a task has changed its CPU.
    reader = StreamReader(
      try setup.openPages(),
      keepsTotalOrder: settings.recordsWakers || settings.recordsCauses || settings.looksBack
        || setup.missingEvents.contains(.contextSwitch))
    self.setup = setup
  }

  /// Closes the ring buffers and removes the instances and probes.
  package consuming func close() throws(CaptureError) {
    _ = consume reader
    try setup.close()
  }
}
