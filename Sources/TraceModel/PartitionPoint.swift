/// How many of `count` places come first of which `isBefore` holds; behind them are only such of which it does not.
///
/// `public`, as what is inlinable of `package` access is not specialised in other modules.
@inlinable
public func partitionPoint(of count: Int, _ isBefore: (Int) -> Bool) -> Int {
  var (low, high) = (0, count)
  while low < high {
    let middle = (low + high) / 2
    if isBefore(middle) { low = middle + 1 } else { high = middle }
  }
  return low
}
