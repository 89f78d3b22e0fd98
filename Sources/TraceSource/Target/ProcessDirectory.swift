/// The directory of /proc in which a process's files, mappings and root are found.
///
/// It is `/proc/PID`, unless the first thread has ended before the others (`pthread_exit` in main): that one has neither
/// mappings nor a root any more. Any other thread has them, and a directory in /proc too, which no listing shows.
package enum ProcessDirectory {
  package static func of(_ pid: Int32) -> String {
    guard let status = ProcessStatus.read(pid: pid), status.isZombie, let thread = ProcessStatus.livingThread(of: pid)
    else { return "/proc/\(pid)" }
    return "/proc/\(thread)"
  }
}
