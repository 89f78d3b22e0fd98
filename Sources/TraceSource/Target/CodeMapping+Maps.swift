package import TraceModel

extension CodeMapping {
  /// What process `pid` has mapped as code, by address; empty where it has ended.
  package static func all(of pid: Int32) -> [CodeMapping] {
    (try? SystemFiles.read("\(ProcessDirectory.of(pid))/maps")).map(parse) ?? []
  }

  /// `START-END PERMISSIONS OFFSET DEVICE INODE PATH`, man 5 proc_pid_maps.
  package static func parse(_ text: String) -> [CodeMapping] {
    text.split(separator: "\n").compactMap { line in
      let columns = line.split(separator: " ", maxSplits: 5)
      guard columns.count >= 5, columns[1].contains("x") else { return nil }
      let range = columns[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      let device = columns[3].split(separator: ":").compactMap { UInt32($0, radix: 16) }
      guard range.count == 2, range[0] < range[1], device.count == 2 else { return nil }
      let path = columns.count == 6 ? String(columns[5].drop { $0 == " " }).replacing("\\012", with: "\n") : "//anon"
      return CodeMapping(
        start: range[0], length: range[1] - range[0], fileOffset: UInt64(columns[2], radix: 16) ?? 0, path: path,
        deviceMajor: device[0], deviceMinor: device[1], inode: UInt64(columns[4]) ?? 0)
    }
  }
}
