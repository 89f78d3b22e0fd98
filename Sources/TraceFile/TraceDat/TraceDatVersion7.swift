internal import TraceFormat
internal import TraceModel

/// The parts of a trace.dat of version 7: its options say where they are.
extension TraceDatFile {
  static func readVersion7(
    _ file: borrowing RecordedFile, _ header: TraceDatHeader
  ) throws(TraceFileError) -> Contents {
    let sections = TraceDatSections(header: header)
    let (options, isCut) = try sections.options(file)
    var contents = Contents(options: options)
    if isCut { contents.end = .cut("within its options") }
    for option in options {
      do throws(TraceFileError) {
        try contents.take(option, sections, file)
      } catch {
        // The formats alone are needed. What else lies beyond a cut is missing.
        guard error.code == .malformed, option.id != TraceDatOptionID.headerInfo.rawValue,
          option.id != TraceDatOptionID.eventFormats.rawValue
        else { throw error }
        contents.end = .cut("within its header")
      }
    }
    return contents
  }
}

extension TraceDatFile.Contents {
  fileprivate mutating func take(
    _ option: TraceDatOption, _ sections: TraceDatSections, _ file: borrowing RecordedFile
  ) throws(TraceFileError) {
    guard let id = TraceDatOptionID(rawValue: option.id) else { return }
    var cursor = TraceDatCursor(option.data, sections.header.byteOrder)
    switch id {
    case .headerInfo, .ftraceFormats, .eventFormats, .commandLines:
      guard let offset = try? cursor.number(UInt64.self) else { throw cut(id, file) }
      var section = TraceDatCursor(try sections.read(id, at: offset, file), sections.header.byteOrder)
      do { try take(id, &section) } catch { throw cut(id, file) }
    case .kernelSymbols:
      guard let offset = try? cursor.number(UInt64.self) else { throw cut(id, file) }
      kernelSymbols = .section(offset)
    case .buffer:
      guard let buffer = try buffer(&cursor, sections, file) else { throw cut(id, file) }
      buffers.append(buffer)
    case .bufferText: throw TraceDatFile.latencyError(file.path)
    default: break
    }
  }

  private mutating func take(_ id: TraceDatOptionID, _ section: inout TraceDatCursor) throws(TraceDatCut) {
    switch id {
    case .headerInfo: try metadata.takeHeaderInfo(&section)
    case .ftraceFormats: try metadata.takeFtraceFormats(&section)
    case .eventFormats: try metadata.takeEventFormats(&section)
    default: try metadata.takeCommands(&section)
    }
  }

  private func cut(_ id: TraceDatOptionID, _ file: borrowing RecordedFile) -> TraceFileError {
    TraceFileError(.malformed, file.path, "its section of kind \(id.rawValue) does not hold what it should")
  }

  /// What a BUFFER option says: where the section is, the instance, its clock, the size of its sub-buffers, and of each CPU its
  /// number, and where its data are. The size of sub-buffers (4 bytes) is missing in older manual pages. Nil where the option is too short.
  private func buffer(
    _ cursor: inout TraceDatCursor, _ sections: TraceDatSections, _ file: borrowing RecordedFile
  ) throws(TraceFileError) -> TraceDatBuffer? {
    var data: [TraceDatBuffer.Data] = []
    let (offset, name, clock, pageSize): (UInt64, String, String, UInt32)
    do throws(TraceDatCut) {
      offset = try cursor.number()
      name = try cursor.string()
      clock = try cursor.string()
      pageSize = try cursor.number()
      for _ in 0..<(try cursor.number(UInt32.self)) {
        let cpu = try cursor.number(UInt32.self)
        let (start, size) = (try cursor.number(UInt64.self), try cursor.number(UInt64.self))
        if size > 0 { data.append(TraceDatBuffer.Data(cpu: Int(cpu), offset: start, size: size)) }
      }
    } catch {
      return nil
    }
    // The file was cut before them.
    if offset > file.size || file.size - offset < UInt64(TraceDatSections.headerSize) {
      let missing = data.filter { $0.offset >= file.size }
      return TraceDatBuffer(name: name, clock: clock, pageSize: Int(pageSize), isCompressed: false, data: missing)
    }
    // Whether the data are packed only the section says.
    let section = data.isEmpty ? nil : try sections.find(.buffer, at: offset, file)
    guard data.isEmpty || section != nil else { return nil }
    return TraceDatBuffer(
      name: name, clock: clock, pageSize: Int(pageSize), isCompressed: section?.isCompressed ?? false, data: data)
  }
}
