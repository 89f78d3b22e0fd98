internal import TraceFormat
internal import TraceModel

/// The names that the events of a recording give to tasks that were made, or renamed, while it was made. Those that have ended
/// since are in no other place.
package enum RecordedTaskNames {
  /// Reads the streams of a recording in `directory` whose trace.dat is not made yet. What cannot be read has no names.
  package static func read(_ directory: String, _ streams: [RecordedStreamName]) -> [Int32: String] {
    guard let head = try? TraceDatFile.open("\(directory)/\(RecordingNames.head)"),
      let decoder = decoder(head), let pages = try? pages(JournaledPlaces(head, in: directory).plan(streams), decoder)
    else { return [:] }
    var reader = StreamReader(pages)
    var names: [Int32: String] = [:]
    var isAtEnd = false
    while !isAtEnd {
      let (complete, wasBusy) = reader.drain(now: .max)
      let table = reader.names
      _ = reader.release(before: complete) { run in
        for event in run { names[event.subject] = table[event.detail] }
        return (run.count, false)
      }
      isAtEnd = !wasBusy
    }
    return names
  }

  private static func pages(_ plan: PagePlan, _ decoder: PageDecoder) throws(TraceFileError) -> RecordedPages {
    try RecordedPages(plan) { _ in decoder }
  }

  /// What reads the events that name tasks, and passes over all others.
  private static func decoder(_ head: borrowing TraceDatFile) -> PageDecoder? {
    guard let layout = try? PageLayout(headerPage: head.headerPage) else { return nil }
    var table = EventTable()
    for event in [TracedEvent.newTask, .rename] {
      if let format = head.formats[event.name].flatMap({ try? EventFormat.parse($0) }) {
        try? table.add(format, event.reading)
      }
    }
    return PageDecoder(layout: layout, table: table)
  }
}
