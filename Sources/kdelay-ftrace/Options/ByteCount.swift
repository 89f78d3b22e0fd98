internal import ArgumentParser

/// A number of bytes as an operator writes it: 1000000, 512K, 64M, 2G.
struct ByteCount: ExpressibleByArgument {
  let bytes: UInt64

  init?(argument: String) {
    var digits = Substring(argument)
    var shift: UInt64 = 0
    if let last = digits.last, let place = Array("KMGT").firstIndex(of: Character(last.uppercased())) {
      shift = UInt64(place + 1) * 10
      digits.removeLast()
    }
    guard let number = UInt64(digits), number <= UInt64.max >> shift else { return nil }
    bytes = number << shift
  }
}
