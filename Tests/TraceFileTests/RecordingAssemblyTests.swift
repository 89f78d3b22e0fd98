import Foundation
import Testing
import TraceFormat
import TraceTestSupport

@testable import TraceFile

/// What is there when the recorder is killed while it makes one file of its pieces.
struct RecordingAssemblyTests {
  private let fixture = Fixture(kernel: "6.1-cloud", scenario: "mixed")

  /// Pieces of two buffers with the fixture's pages, one behind the other `repeats` times.
  private func pieces(_ directory: TemporaryDirectory, repeats: Int) throws -> [(name: String, piece: RecordingPiece)] {
    let queue = WriteQueue()
    defer { queue.close() }
    let pieces =
      try ["", "machine"].flatMap { buffer in
        try fixture.cpus.map { cpu in
          let name = RecordingNames.piece(buffer: buffer, cpu: cpu)
          let piece = try RecordingPiece(directory[name], pageSize: fixture.pageSize, queue)
          for _ in 0..<repeats {
            for page in try fixture.pages(cpu: cpu) {
              page.withUnsafeBytes { piece.append($0) }
            }
          }
          return (name, piece)
        }
      }
    try queue.settle()
    return pieces
  }

  /// The bytes of a place, by the rule of `RecordingNames`.
  private func bytes(_ directory: TemporaryDirectory, _ name: String, _ place: TraceDatLayout.Place) throws -> [UInt8] {
    let file = [UInt8](try Data(contentsOf: URL(filePath: directory["trace.dat"])))
    var bytes = Array(file[Int(place.offset)..<Int(place.offset + place.size)])
    if let piece = try? Data(contentsOf: URL(filePath: directory[name])) {
      bytes.replaceSubrange(..<piece.count, with: piece)
    }
    return bytes
  }

  /// With small steps pieces are cut off many times; with a large one several pieces are copied and not cut off yet.
  @Test(arguments: [UInt64(1 << 16), 3 << 16, 1 << 20, 1 << 30], 0...4)
  func nothingIsMissingWhenItIsKilledInBetween(_ step: UInt64, _ count: Int) throws {
    let directory = try TemporaryDirectory()
    let pieces = try pieces(directory, repeats: 40)
    let whole = try pieces.map { [UInt8](try Data(contentsOf: URL(filePath: directory[$0.name]))) }
    let buffers = [fixture.buffer(""), fixture.buffer("machine")]
    let sizes = pieces.map(\.piece.size)
    let layout = TraceDatLayout(
      .seven, try fixture.head, buffers,
      sizes: [Array(sizes[..<fixture.cpus.count]), Array(sizes[fixture.cpus.count...])])
    var assembly = try RecordingAssembly(layout, in: directory.path, step: step)
    #expect(layout.places.count == pieces.count)
    for (place, piece) in zip(layout.places, pieces).prefix(count) {
      try assembly.take(piece.piece, piece.name, at: place.offset)
    }
    // The recorder is gone; what it has not told the kernel to do will not be done.
    _ = consume assembly
    for (number, place) in layout.places.enumerated() {
      #expect(try bytes(directory, pieces[number].name, place) == whole[number])
    }
    if count == 4, step < 1 << 30 { #expect(try directory.names.filter { $0.contains("cpu") }.count < 4) }
  }
}
