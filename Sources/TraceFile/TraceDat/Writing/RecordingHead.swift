/// What is known when a recording begins, and what its readers need before any event.
package struct RecordingHead: Sendable {
  /// The events of one system, as tracefs has it below `events`.
  package struct System: Sendable, Equatable {
    package var name: String
    /// The text of each event's `format`.
    package var formats: [String]

    package init(name: String, formats: [String]) {
      self.name = name
      self.formats = formats
    }
  }

  /// The text of `events/header_page`.
  package var headerPage: String
  /// The text of `events/header_event`.
  package var headerEvent: String
  /// The texts of `events/ftrace/*/format`.
  package var ftraceFormats: [String]
  /// The events that are recorded, by their system.
  package var systems: [System]
  /// What /proc/kallsyms said of functions.
  package var kallsyms: [UInt8] = []
  /// What `printk_formats` of tracefs said.
  package var printkFormats: [UInt8] = []
  /// The words of `uname`: system, host, release, machine.
  package var machine = ""
  /// The number of CPUs of the machine, those that are offline included.
  package var cpuCount = 1
  /// The name and version of the tool that records.
  package var tool = ""
  /// A number that this recording alone has.
  package var identifier: UInt64 = 0

  /// A head of these formats, the texts of tracefs; all else is to be filled in.
  package init(headerPage: String, headerEvent: String, ftraceFormats: [String], systems: [System]) {
    self.headerPage = headerPage
    self.headerEvent = headerEvent
    self.ftraceFormats = ftraceFormats
    self.systems = systems
  }
}

/// One ring buffer, as it is recorded.
package struct RecordingBuffer: Sendable, Equatable {
  /// The buffer's name in the recording; empty for the top one.
  package var name: String
  /// The number of bytes of a sub-buffer, header included.
  package var pageSize: Int
  /// The CPUs that can have data, ascending.
  package var cpus: [Int]
  /// The clock of its times, as tracefs names it.
  package var clock: String

  package init(name: String, pageSize: Int, cpus: [Int], clock: String = "mono") {
    self.name = name
    self.pageSize = pageSize
    self.cpus = cpus
    self.clock = clock
  }
}

/// What is known only when a recording ends.
package struct RecordingTail: Sendable {
  /// What one process had mapped.
  package struct Maps: Sendable, Equatable {
    package var pid: Int32
    package var command: String
    /// The files, by address.
    package var files: [(start: UInt64, end: UInt64, path: String)]

    package init(pid: Int32, command: String, files: [(start: UInt64, end: UInt64, path: String)]) {
      self.pid = pid
      self.command = command
      self.files = files
    }

    package static func == (one: Maps, other: Maps) -> Bool {
      one.pid == other.pid && one.command == other.command && one.files.elementsEqual(other.files, by: ==)
    }
  }

  /// The names of tasks, by their ids.
  package var commands: [Int32: String]
  /// The text of `per_cpu/cpuN/stats`, by buffer and CPU, buffers in the order of the recording's.
  package var statistics: [[Int: String]]
  package var maps: [Maps]

  /// A tail of what is known; nothing by default, as of a recording that goes on.
  package init(commands: [Int32: String] = [:], statistics: [[Int: String]] = [], maps: [Maps] = []) {
    self.commands = commands
    self.statistics = statistics
    self.maps = maps
  }
}
