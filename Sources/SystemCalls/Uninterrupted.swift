internal import Glibc
package import SystemPackage

/// Makes a system call again as long as a signal interrupts it (EINTR); the one place that says so, beside swift-system, whose
/// calls do the same. Returns what the call returned; throws the error where that is negative.
///
/// `poll` is not to be called through it where the time that it waits matters: it would wait anew.
@discardableResult
package func uninterrupted<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
  while true {
    let result = call()
    if result >= 0 { return result }
    let error = Errno(rawValue: errno)
    if error != .interrupted { throw error }
  }
}
