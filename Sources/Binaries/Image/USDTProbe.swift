internal import CElfUtils
internal import Glibc
internal import TraceModel

/// A place where a probe was compiled in: a `nop` that a uprobe replaces.
package struct USDTSite: Sendable, Equatable {
  /// The address of the `nop`, as the image's symbols count.
  package let address: UInt64
  /// Where the `nop` lies in the file: what a uprobe is set by.
  package let fileOffset: UInt64
  /// Where in the file the probe's semaphore lies, the counter that the program asks whether to compute the arguments:
  /// a uprobe's `ref_ctr_offset`. 0 if it has none.
  package let semaphoreFileOffset: UInt64
  /// Where the arguments are, in the assembler's syntax: "-4@%edi 8@8(%rsp)".
  package let arguments: String
}

/// A probe that a program declares by `DTRACE_PROBE` of sys/sdt.h, with all places that the compiler copied it to.
package struct USDTProbe: Sendable, Equatable {
  /// The name of the program or the library that declares the probe.
  package let provider: String
  /// The probe's name, with two underscores where DTrace shows a dash.
  package let name: String
  /// The places that the probe was compiled into, in the order of the notes.
  package internal(set) var sites: [USDTSite]
}

extension ELFImage {
  /// The type of a probe's note: NT_STAPSDT of sys/sdt.h.
  private static let probeNoteType: UInt32 = 3

  /// The probes of .note.stapsdt in the order of their first sites; a site outside of the executable segments is left
  /// out. That section is in no segment: an image without section headers shows no probes.
  package var usdtProbes: [USDTProbe] {
    get throws(ImageError) {
      var probes: [USDTProbe] = []
      var places: [String: Int] = [:]
      let base = section(named: ".stapsdt.base")?.address
      for section in sections where section.type == UInt32(SHT_NOTE) {
        guard name(of: section) == ".note.stapsdt" else { continue }
        let data = try data(of: section)
        for note in ELFNotes(data) where note.type == Self.probeNoteType && note.name.elementsEqual("stapsdt".utf8) {
          guard let (provider, name, site) = probe(note, in: data, base: base) else { continue }
          let key = "\(provider):\(name)"
          if let place = places[key] {
            probes[place].sites.append(site)
          } else {
            places[key] = probes.count
            probes.append(USDTProbe(provider: provider, name: name, sites: [site]))
          }
        }
      }
      return probes
    }
  }

  /// Reads the description of a note: three words (pc, base, semaphore) and three strings (provider, name, arguments).
  private func probe(_ note: ELFNote, in data: SectionBytes, base: UInt64?) -> (String, String, USDTSite)? {
    let word = is64Bit ? 8 : 4
    let start = note.description.lowerBound
    guard note.description.count > 3 * word, let pc = data.word(at: start, is64Bit: is64Bit),
      let linkedBase = data.word(at: start + word, is64Bit: is64Bit),
      let semaphore = data.word(at: start + 2 * word, is64Bit: is64Bit)
    else { return nil }
    let texts = data.bytes[note.description.dropFirst(3 * word)]
      .split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    guard texts.count >= 3, !texts[0].isEmpty, !texts[1].isEmpty else { return nil }
    // prelink moves the code and not these words, which no relocation covers; it does move .stapsdt.base.
    let moved = base.map { $0 &- linkedBase } ?? 0
    guard let offset = fileOffset(ofAddress: pc &+ moved) else { return nil }
    var counter: UInt64 = 0
    if semaphore != 0 {
      guard let found = counterFileOffset(ofAddress: semaphore &+ moved) else { return nil }
      counter = found
    }
    let site = USDTSite(
      address: pc &+ moved, fileOffset: offset, semaphoreFileOffset: counter, arguments: texts[2])
    return (texts[0], texts[1], site)
  }

  private func counterFileOffset(ofAddress address: UInt64) -> UInt64? {
    for segment in segments where segment.isLoaded && segment.isWritable {
      if let offset = segment.fileOffset(ofAddress: address), offset < bytes.size { return offset }
    }
    return nil
  }
}
