internal import SystemPackage

/// The CPUs that are online, /sys/devices/system/cpu/online: `0-3,8,10-11`.
enum OnlineCPUs {
  static func read() throws(CaptureError) -> [Int] {
    let path = "/sys/devices/system/cpu/online"
    let text: String
    do { text = try SystemFiles.read(path) } catch {
      throw CaptureError(.refused, "cannot read \(path): \(error)", remedy: "mount sysfs")
    }
    return parse(text)
  }

  static func parse(_ text: String) -> [Int] {
    text.split { $0 == "," || $0.isWhitespace }.flatMap { range in
      let ends = range.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, first <= last, last < 1 << 16 else { return [Int]() }
      return Array(first...last)
    }
  }
}
