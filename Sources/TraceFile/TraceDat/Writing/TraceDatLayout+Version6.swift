extension TraceDatLayout {
  /// The file has no sections: its parts follow each other in a fixed order, and each buffer has a table of all CPUs.
  mutating func addVersion6(_ content: TraceDatContent, _ sizes: [[UInt64]]) {
    let cpuCount = max(content.head.cpuCount, (content.buffers.flatMap(\.cpus).max() ?? 0) + 1)
    var bytes = content.beginning(.six)
    for part in [
      content.headerInfo, content.ftraceFormats, content.eventFormats, content.kernelSymbols, content.printkFormats,
      content.commandLines,
    ] { bytes.add(part.bytes) }
    bytes.add(UInt32(cpuCount))
    // How long the options are does not depend on where the data lie.
    let begin = UInt64(bytes.count + Self.options(content, tables: []).count)
    let data = Self(data: content, sizes, cpuCount: cpuCount, from: begin)
    bytes.add(Self.options(content, tables: data.stretches.map(\.offset)).bytes)
    add(bytes.bytes)
    stretches += data.stretches
    places = data.places
    size = data.size
  }

  /// The tables of the buffers, each before its data, from `begin` on; the top one's comes right behind the options.
  private init(data content: TraceDatContent, _ sizes: [[UInt64]], cpuCount: Int, from begin: UInt64) {
    size = begin
    for (number, buffer) in content.buffers.enumerated() {
      let clock = "[\(buffer.clock)]"
      let start = size
      // A word of 10 bytes, two numbers a CPU, and the clock behind its length.
      let length = 10 + cpuCount * 16 + 8 + clock.utf8.count
      size += UInt64(length)
      addPlaces(number, pageSize: buffer.pageSize, sizes: sizes[number])
      var table = FileBytes()
      table.add(string: "flyrecord")
      for cpu in 0..<cpuCount {
        let place = places(of: number).first { buffer.cpus[$0.position] == cpu }
        table.add(place?.offset ?? 0)
        table.add(place?.size ?? 0)
      }
      table.add(sized: clock.utf8, UInt64.self)
      stretches.append(Stretch(offset: start, bytes: table.bytes))
    }
  }

  /// The options. `tables`: where each buffer's table is.
  private static func options(_ content: TraceDatContent, tables: [UInt64]) -> FileBytes {
    var bytes = FileBytes()
    bytes.add(string: "options  ")
    var options = content.options
    for (number, buffer) in content.buffers.enumerated().dropFirst() {
      var option = TraceDatContent.number(tables.isEmpty ? 0 : tables[number])
      option.add(string: buffer.name)
      options.append((.buffer, option))
    }
    for (id, data) in options {
      bytes.add(id.rawValue)
      bytes.add(sized: data.bytes, UInt32.self)
    }
    bytes.add(TraceDatContent.Part.done.rawValue)
    return bytes
  }
}
