// Closures, generics, tasks, a Foundation timer and regular expressions. For against-gdb: swiftc -O.
import Foundation

@inline(never) func deep<T: Comparable>(_ n: Int, _ values: [T], _ body: (T) -> Bool) -> Int {
  guard n > 0 else {
    sleep(600)
    return values.filter(body).count
  }
  return values.sorted { $0 > $1 && body($0) }.count + deep(n - 1, values, body)
}

let sleeping = Thread { _ = deep(20, ["a", "c", "b"]) { !$0.isEmpty } }
sleeping.start()
for _ in 0..<2 {
  Task.detached {
    while true {
      let text = (0..<200).map(String.init).joined(separator: ",")
      _ = text.replacingOccurrences(of: "[0-9]+,", with: "x", options: .regularExpression)
      _ = try? JSONEncoder().encode(["a": [1, 2, 3]])
      await Task.yield()
    }
  }
}
let timer = Timer(timeInterval: 0.01, repeats: true) { _ in
  _ = try? JSONDecoder().decode([Int].self, from: Data("[1]".utf8))
}
RunLoop.main.add(timer, forMode: .default)
RunLoop.main.run()
