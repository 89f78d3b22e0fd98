/// The intervals of one thread that are counted in one window. A new one is a member here, and a line of `add`: then it is
/// reset, handed over and folded with the others.
package struct ThreadStatistics: Sendable, Equatable, BitwiseCopyable {
  /// The intervals on a CPU, from one switch to the next.
  package var run = IntervalStatistic()
  /// The intervals in which the thread was runnable without a CPU.
  package var ready = IntervalStatistic()
  /// The intervals in which the thread was stopped by a signal or by a tracer.
  package var stopped = IntervalStatistic()
  /// The intervals from the end of one poll to the start of the next.
  package var longPoll = IntervalStatistic()
  /// The syscalls that probes made, of this tool or another one. They are in no other statistic; their time is user time.
  package var probes = IntervalStatistic()

  package init() {}

  /// Adds all intervals of another thread.
  package mutating func add(_ other: ThreadStatistics) {
    run.add(other.run)
    ready.add(other.ready)
    stopped.add(other.stopped)
    longPoll.add(other.longPoll)
    probes.add(other.probes)
  }
}
