// What the workloads share: the handshake with a watcher, threads whose syscalls are all known, and the JSON they print.
//
// A watched program goes through these stages:
//
//   1. its threads have named themselves and block in read() on the gate; it prints `ready PID`
//   2. a line on stdin (or its end, so that `< /dev/null` needs no watcher) opens the gate: the measured part
//   3. every thread has written one byte to the `done` pipe and blocks in read() on the `end` pipe; it prints the JSON
//   4. the end of stdin lets it exit
//
// A watcher that starts between 1 and 2 and stops between 3 and 4 sees of a worker exactly the syscalls listed in the JSON,
// its final write() among them: the read() of the gate began before, that of `end` has not returned. A watcher that sees the
// exit as well sees that read() too, since exit_group makes it return (-ERESTARTSYS) before the thread dies.
//
// Times are CLOCK_MONOTONIC ns, read through the vDSO; where the clock source has no vDSO support (`clocksource` in the JSON
// is then hpet, acpi_pm or jiffies) each reading is one more clock_gettime syscall.
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/// One kind of syscall as its caller saw it: the clock is read before and after, so the times are a little more than the
/// kernel's.
struct call {
    const char *name;
    uint64_t count, errors, total_ns, min_ns, max_ns;
};

/// Time that a spinning thread did not have the CPU: differences of successive clock readings above the threshold.
struct gaps {
    uint64_t threshold_ns, count, total_ns, max_ns;
};

/// The kernel's own account of a thread, /proc/TID/schedstat.
struct schedstat {
    uint64_t run_ns, ready_ns, runs;
};

enum { max_calls = 3 };

struct worker {
    char comm[16];
    void (*body)(struct worker *);
    int cpu;    // to pin to, or -1
    int index;
    bool ends_in_futex;  // sleeps on a futex at the end, instead of in read()
    struct call calls[max_calls];
    struct gaps gaps;
    // Filled in by the machinery:
    _Atomic int tid;
    uint64_t start_ns, end_ns;
    struct call done_write;
    struct schedstat before, after;
};

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/// Makes one syscall and books it under `call`.
static inline long clocked(struct call *call, long number, long a, long b, long c, long d) {
    uint64_t begin = now_ns();
    long result = syscall(number, a, b, c, d, 0, 0);
    uint64_t took = now_ns() - begin;
    call->count++;
    call->errors += result == -1;
    call->total_ns += took;
    if (took > call->max_ns) call->max_ns = took;
    if (call->count == 1 || took < call->min_ns) call->min_ns = took;
    return result;
}

/// Spins in user space until `deadline_ns` (0: none) or until `stop` reaches `stop_at` (NULL: never).
void spin(struct gaps *gaps, uint64_t deadline_ns, _Atomic int *stop, int stop_at);

/// Starts the workers and returns when all of them block at the gate.
void workers_start(struct worker *workers, int count);
/// Prints `ready PID` and waits for `go`.
void wait_for_go(pid_t pid);
/// Lets the workers run, and returns when all have finished and block again.
void workers_run(struct worker *workers, int count);
/// Waits for the end of stdin, and discards what comes before.
void wait_for_end(void);

/// Pins the calling thread; ends the program with a message if there is no such CPU.
void pin(int cpu);

/// `{"program": …, "pid": …` — the caller adds fields of its own, each beginning with a comma, and the closing brace.
void report_head(const char *program, pid_t pid);
/// `"name":{"count":…, …}`
void report_call(const struct call *call);
/// `,"threads":[…]`
void report_workers(const struct worker *workers, int count);

long number_argument(int argc, char **argv, int index, long otherwise);
void die(const char *what);
