internal import TraceFormat

// The formats of the running kernel. What is made of their text is TraceFormat's.

extension EventFormat {
  /// Reads the format of an event that the running kernel has.
  static func read(_ tracefs: any TracefsAccess, _ event: EventName) throws(CaptureError) -> EventFormat {
    let text = try tracefs.read("events/\(event.path)/format")
    do { return try parse(text) } catch { throw .format(of: event, error) }
  }
}

extension EventTable {
  /// Reads the formats of events that the running kernel has.
  static func read(
    _ tracefs: any TracefsAccess, _ readings: [(name: EventName, reading: RecordReading)]
  ) throws(CaptureError) -> EventTable {
    var table = EventTable()
    for (name, reading) in readings {
      let format = try EventFormat.read(tracefs, name)
      do { try table.add(format, reading) } catch { throw .format(of: name, error) }
    }
    return table
  }
}

extension PageLayout {
  /// Reads the layout of the running kernel's pages.
  static func read(_ tracefs: any TracefsAccess) throws(CaptureError) -> PageLayout {
    let text = try tracefs.read("events/header_page")
    do { return try PageLayout(headerPage: text) } catch {
      throw CaptureError(
        .refused, "cannot understand events/header_page: \(error)",
        remedy: "please report this with the kernel's version")
    }
  }
}

extension FtraceStackFormat {
  /// Reads how the running kernel records stacks.
  static func read(_ tracefs: any TracefsAccess) throws(CaptureError) -> FtraceStackFormat {
    let stacks = EventName("ftrace", "kernel_stack")
    let switchOut = try EventFormat.read(tracefs, TracedEvent.contextSwitch.name)
    let syscallExit = try EventFormat.read(tracefs, TracedEvent.syscallExit.name)
    let kernelStack = try EventFormat.read(tracefs, stacks)
    let userStack = try EventFormat.read(tracefs, EventName("ftrace", "user_stack"))
    do {
      return try FtraceStackFormat(
        switchOut: switchOut, syscallExit: syscallExit, kernelStack: kernelStack, userStack: userStack)
    } catch {
      throw .format(of: stacks, error)
    }
  }
}
