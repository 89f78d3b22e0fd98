import Binaries
import Foundation
import StackSnapshot
import Unwinder

// stack-walk PREFIX PID: the frames of a snapshot's threads, as dump.py writes gdb's: `THREAD number`, `FRAME pc
// module`, with `?` behind a guessed one, and `END reason`.

guard CommandLine.arguments.count == 3, let pid = Int32(CommandLine.arguments[2]) else {
  FileHandle.standardError.write(Data("usage: stack-walk PREFIX PID\n".utf8))
  exit(64)
}
let snapshot = try Snapshot(prefix: CommandLine.arguments[1], pid: pid)
var unwinder = Unwinder(source: snapshot.modules)
for (number, stack) in snapshot.stacks.enumerated() {
  let (frames, end) = snapshot.unwind(stack, &unwinder)
  print("THREAD \(number)")
  for frame in frames {
    let name = snapshot.modules[frame.module].map { String($0.identity.name) } ?? "[anonymous]"
    print("FRAME \(String(frame.code.address, radix: 16)) \(name)\(frame.isGuessed ? " ?" : "")")
  }
  print("END \(end)")
}
