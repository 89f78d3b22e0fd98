internal import SystemCalls
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

  /// How many CPUs there can be, those that are offline included; 0 where that cannot be read.
  static var possibleCount: Int {
    parse((try? SystemFiles.read("/sys/devices/system/cpu/possible")) ?? "").count
  }

  static func parse(_ text: String) -> [Int] {
    text.split { $0 == "," || $0.isWhitespace }.flatMap { range in
      let ends = range.split(separator: "-").compactMap { Int($0) }
      guard let first = ends.first, let last = ends.last, first <= last, last < 1 << 16 else { return [Int]() }
      return Array(first...last)
    }
  }
}
