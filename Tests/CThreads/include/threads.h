/* What a test wants of its own threads and glibc hides from Swift behind feature macros. */
#ifndef KDELAY_TEST_THREADS_H
#define KDELAY_TEST_THREADS_H

#include <stddef.h>
#include <sys/types.h>

/// The calling thread's id.
pid_t thread_id(void);
/// Keeps the calling thread on one CPU.
void thread_pin(int cpu);
/// Names the calling thread; 15 characters.
void thread_set_name(const char *name);
/// One getrandom of SIZE bytes: the kernel computes all the time.
void thread_compute(void *buffer, size_t size);

#endif
