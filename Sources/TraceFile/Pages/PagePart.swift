package import TraceFormat

/// Where the pages of one stream lie: a stretch of a file with whole sub-buffers one after the other, or packed in chunks.
package struct PagePart: Sendable {
  /// Which of the recording's files it is.
  package var file: Int
  /// Where the stretch begins, bytes from the file's start, and how many bytes it has.
  package var offset: UInt64
  package var size: UInt64
  /// The number of bytes of a sub-buffer, header included.
  package var pageSize: Int
  /// How the chunks are packed; nil where there are none.
  package var chunks: Compression?
  /// The byte order of the chunks' sizes.
  package var byteOrder = PageLayout.ByteOrder.little
  /// The records of which the pages are made; nil where they are in the file.
  var records: Records?

  /// Records of a perf.data file that are of one CPU.
  struct Records: Sendable {
    let all: PerfEventRecords
    let cpu: Int
  }
}
