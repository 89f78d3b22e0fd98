/// What a perf.data file says of the machine and of the recording, behind its records (`HEADER_…` of
/// tools/perf/Documentation/perf.data-file-format.txt).
package struct PerfFileFeatures: Sendable {
  /// The formats of the recorded tracepoints; without them perf opens no file that has such.
  package var tracingData: TracingData?
  /// The build-ids of the kernel's own files; those of mapped files are added to them.
  package var buildIDs: [PerfFileBuildID] = []
  package var hostname = ""
  package var release = ""
  package var architecture = ""
  /// What wrote the file, and its version.
  package var version = ""
  /// How many CPUs are online.
  package var onlineCPUs: UInt32 = 0
  /// How many CPUs there can be.
  package var possibleCPUs: UInt32 = 0
  /// What the operator typed, word for word.
  package var command: [String] = []
  /// The resolution of CLOCK_MONOTONIC, ns.
  package var clockResolution: UInt64 = 1
  /// The two clocks at one moment, ns: CLOCK_MONOTONIC, which all times of the file are of, and CLOCK_REALTIME.
  package var clocks: (monotonic: UInt64, wall: UInt64)?

  package init() {}

  // The numbers of the features.
  private static let tracingDataBit = 1
  private static let buildIDBit = 2
  private static let (hostnameBit, releaseBit, versionBit, architectureBit, cpuCountBit) = (3, 4, 5, 6, 7)
  private static let (commandBit, eventBit, sampleTimeBit, clockBit, clockDataBit) = (11, 12, 21, 23, 29)
  /// CLOCK_MONOTONIC.
  private static let clock: UInt32 = 1

  /// The features by their numbers, in the order in which a file has them. `times`: those of the first sample and of the last, ns.
  func sections(
    _ events: [PerfEventDescription], _ mapped: [PerfFileBuildID], times: ClosedRange<UInt64>?
  ) -> [(bit: Int, bytes: [UInt8])] {
    var sections: [(bit: Int, bytes: [UInt8])] = []
    if let tracingData { sections.append((Self.tracingDataBit, tracingData.bytes)) }
    let known = buildIDs + mapped
    if !known.isEmpty { sections.append((Self.buildIDBit, known.flatMap(\.bytes))) }
    let texts = [
      (Self.hostnameBit, hostname), (Self.releaseBit, release), (Self.versionBit, version),
      (Self.architectureBit, architecture),
    ]
    for (bit, text) in texts where !text.isEmpty { sections.append((bit, Self.section { Self.add(text, to: &$0) })) }
    sections.append(
      (
        Self.cpuCountBit,
        Self.section { bytes in
          bytes.add(possibleCPUs)
          bytes.add(onlineCPUs)
        }
      ))
    sections.append(
      (
        Self.commandBit,
        Self.section { bytes in
          bytes.add(UInt32(command.count))
          for word in command { Self.add(word, to: &bytes) }
        }
      ))
    sections.append((Self.eventBit, Self.describe(events)))
    if let times {
      sections.append(
        (
          Self.sampleTimeBit,
          Self.section { bytes in
            bytes.add(times.lowerBound)
            bytes.add(times.upperBound)
          }
        ))
    }
    sections.append((Self.clockBit, Self.section { $0.add(clockResolution) }))
    if let clocks {
      sections.append(
        (
          Self.clockDataBit,
          Self.section { bytes in
            bytes.add(UInt32(1))
            bytes.add(Self.clock)
            bytes.add(clocks.wall)
            bytes.add(clocks.monotonic)
          }
        ))
    }
    return sections
  }

  private static func section(_ body: (inout FileBytes) -> Void) -> [UInt8] {
    var bytes = FileBytes()
    body(&bytes)
    return bytes.bytes
  }

  /// A length, and as many bytes of text.
  private static func add(_ text: String, to bytes: inout FileBytes) {
    var padded = FileBytes()
    padded.add(string: text)
    padded.pad(to: 64)
    bytes.add(UInt32(padded.bytes.count))
    bytes.add(padded.bytes)
  }

  private static func describe(_ events: [PerfEventDescription]) -> [UInt8] {
    section { bytes in
      bytes.add(UInt32(events.count))
      bytes.add(UInt32(events.first?.attributes.count ?? 0))
      for (number, event) in events.enumerated() {
        bytes.add(event.attributes)
        bytes.add(UInt32(1))
        add(event.name, to: &bytes)
        bytes.add(PerfFileWriter.identifier(of: number))
      }
    }
  }
}

extension PerfFileBuildID {
  /// `struct perf_record_header_build_id`.
  fileprivate var bytes: [UInt8] {
    var entry = FileBytes()
    entry.add(UInt32(67))
    // PERF_RECORD_MISC_KERNEL or _USER, and _BUILD_ID_SIZE.
    entry.add(UInt16(pid == -1 ? 1 : 2) | 1 << 15)
    entry.add(UInt16(0))
    entry.add(pid)
    let buildID = buildID.prefix(20)
    entry.add(buildID)
    entry.add(repeatElement(0, count: 20 - buildID.count))
    entry.add(UInt32(buildID.count))
    entry.add(path.utf8.prefix(4096))
    entry.add([0])
    entry.pad(to: 64)
    entry.set(UInt16(entry.bytes.count), at: 6)
    return entry.bytes
  }
}
