internal import Glibc
internal import SystemCalls

/// How much kernel buffer a capture takes by default.
package enum BufferSize {
  /// The wanted size per CPU, KiB: enough for 0.2 s of a program that does nothing but syscalls (1.6 million a second, 96 bytes
  /// each).
  private static let wantedKiB = 32 * 1024
  private static let smallestKiB = 1024

  /// The size per CPU, KiB: the wanted one, or as much less as keeps all CPUs' buffers within an eighth of the available memory.
  package static var defaultKiB: Int {
    let cpus = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_CONF))))
    return choose(availableKiB: availableKiB ?? wantedKiB * 8 * cpus, cpus: cpus)
  }

  /// The size per CPU of the buffer for the whole machine's scheduling and interrupts, KiB: a quarter of the other one, which
  /// holds 0.2 s of 500,000 switches a second.
  static var machineKiB: Int { max(smallestKiB, defaultKiB / 4) }

  static func choose(availableKiB: Int, cpus: Int) -> Int {
    var size = wantedKiB
    while size > smallestKiB, size * cpus > availableKiB / 8 { size /= 2 }
    return size
  }

  /// The size for a number of 4 KiB pages, KiB, rounded up to a power of two pages.
  package static func kibibytes(pages: Int) -> Int {
    var rounded = 1
    while rounded < pages { rounded *= 2 }
    return rounded * 4
  }

  private static var availableKiB: Int? {
    guard let text = try? SystemFiles.read("/proc/meminfo") else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      return Int(line.filter(\.isNumber))
    }
    return nil
  }
}
