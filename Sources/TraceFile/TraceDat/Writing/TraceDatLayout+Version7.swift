extension TraceDatLayout {
  /// Options come before the data, so that a file whose end is missing still says what it is.
  mutating func addVersion7(_ content: TraceDatContent, _ sizes: [[UInt64]]) {
    let sections = WrittenSections(content)
    // How long the options are does not depend on where they and the data lie.
    let length = Self(data: content, sizes, sections, from: 0).options(content, sections).count
    let data = Self(data: content, sizes, sections, from: UInt64(sections.bytes.count + length))
    add(sections.bytes.bytes + data.options(content, sections).bytes)
    stretches += data.stretches
    places = data.places
    size = data.size
  }

  /// The sections of the buffers alone, from `begin` on.
  private init(data content: TraceDatContent, _ sizes: [[UInt64]], _ sections: WrittenSections, from begin: UInt64) {
    size = begin
    for (number, buffer) in content.buffers.enumerated() {
      let start = size
      size += UInt64(WrittenSections.headerSize)
      addPlaces(number, pageSize: buffer.pageSize, sizes: sizes[number])
      let header = sections.header(
        .buffer, buffer.sectionName, size: size - start - UInt64(WrittenSections.headerSize))
      stretches.append(Stretch(offset: start, bytes: header.bytes))
    }
  }

  /// The section of options. What it says of the buffers' data is what this layout has.
  private func options(_ content: TraceDatContent, _ sections: WrittenSections) -> FileBytes {
    var options = sections.options + content.options
    options.append((.cpuCount, TraceDatContent.number(UInt32(content.head.cpuCount))))
    for (number, buffer) in content.buffers.enumerated() {
      options.append((.buffer, option(of: buffer, places: places(of: number), section: stretches[number].offset)))
    }
    // The last one says where more options are: nowhere.
    options.append((.done, TraceDatContent.number(UInt64(0))))
    var data = FileBytes()
    for (id, bytes) in options {
      data.add(id.rawValue)
      data.add(sized: bytes.bytes, UInt32.self)
    }
    var section = sections.header(.done, "options", size: UInt64(data.count))
    section.add(data.bytes)
    return section
  }

  /// Where a buffer's data lie; CPUs without any are left out. Between clock and number of CPUs there is the size of a sub-buffer,
  /// which manual pages of before trace-cmd 3.2 do not mention.
  private func option(of buffer: RecordingBuffer, places: [Place], section: UInt64) -> FileBytes {
    var option = FileBytes()
    option.add(section)
    option.add(string: buffer.name)
    option.add(string: buffer.clock)
    option.add(UInt32(buffer.pageSize))
    option.add(UInt32(places.count))
    for place in places {
      option.add(UInt32(buffer.cpus[place.position]))
      option.add(place.offset)
      option.add(place.size)
    }
    return option
  }
}
