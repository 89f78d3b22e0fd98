internal import SystemCalls
internal import TraceFile

/// Makes segments of a recording whole in a thread of its own, one at a time: to put a segment's files together takes seconds, in
/// which the next one is recorded.
///
/// What makes it `Sendable`: its state is touched only under the mutex.
final class SegmentFinisher: @unchecked Sendable {
  /// A segment that is handed to the thread.
  private final class Job: @unchecked Sendable {
    private var writer: RecordingWriter?
    private let tail: RecordingTail

    init(_ writer: consuming RecordingWriter, _ tail: RecordingTail) {
      self.writer = consume writer
      self.tail = tail
    }

    func run() -> TraceFileError? {
      guard let writer = writer.take() else { return nil }
      do throws(TraceFileError) { try writer.finish(tail) } catch { return error }
      return nil
    }
  }

  private let monitor = Monitor()
  private var isBusy = false
  private var failure: TraceFileError?

  /// Makes a segment whole. Waits for the one before, and returns what that failed with.
  func finish(_ writer: consuming RecordingWriter, _ tail: RecordingTail) -> TraceFileError? {
    let failure = wait()
    let job = Job(writer, tail)
    monitor.locked { isBusy = true }
    startThread { self.ended(job.run()) }
    return failure
  }

  private func ended(_ failure: TraceFileError?) {
    monitor.locked {
      self.failure = self.failure ?? failure
      isBusy = false
      monitor.broadcast()
    }
  }

  /// Waits until nothing is left to do; returns what has failed.
  func wait() -> TraceFileError? {
    monitor.locked {
      while isBusy { monitor.wait() }
      return failure
    }
  }
}
