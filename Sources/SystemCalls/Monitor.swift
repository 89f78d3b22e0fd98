internal import Glibc

/// A mutex and the condition that what it guards has changed, for a thread that is handed work and for those who hand it over.
///
/// What makes it `Sendable`: both are made for use by several threads, and nothing else is kept.
package final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Runs `body` under the mutex. It reaches what is guarded through its object, never as an inout argument: inside that the
  /// compiler may take it for unchanged while `wait` lets the other thread change it.
  package func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Waits, under the mutex, until somebody says that something has changed.
  package func wait() { pthread_cond_wait(changed, mutex) }

  /// Says that something has changed.
  package func broadcast() { pthread_cond_broadcast(changed) }
}

/// Starts a thread that nobody waits for, and that runs `body`.
package func startThread(_ body: @escaping @Sendable () -> Void) {
  var thread = pthread_t()
  let work = Unmanaged.passRetained(ThreadBody(body))
  pthread_create(
    &thread, nil,
    { work in
      guard let work else { return nil }
      Unmanaged<ThreadBody>.fromOpaque(work).takeRetainedValue().run()
      return nil
    }, work.toOpaque())
  pthread_detach(thread)
}

/// What a thread runs, as an object that can be handed to it.
private final class ThreadBody {
  let run: @Sendable () -> Void

  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
