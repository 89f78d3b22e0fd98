// trigger-windows [CALLS [WINDOWS [THREADS [at-once]]]]: WINDOWS times in all, one of the threads makes CALLS calls of getppid
// between two points, and three of getuid on either side of them. The threads take turns, or run at once if that is said.
//
// The two points are, from the outside in:
//
//   kdelay:begin … kdelay:end      USDT probes that are reached only while their semaphores are raised
//   window_begin() … window_end()  functions
//   window()                       one function around the calls, which reads the clock first and last
//
// `windows` in the JSON has the first thousand windows' clocks, [before all, first in window(), last in window(), after all].
// After the JSON each line on stdin is answered by the semaphores' values: {"begin":N,"end":N}.
#include "workload.h"

#include <linux/futex.h>

#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

unsigned short kdelay_begin_semaphore __attribute__((section(".probes")));
unsigned short kdelay_end_semaphore __attribute__((section(".probes")));

enum { most_threads = 64, most_clocks = 1000 };
static long calls, windows, threads, kept;
static bool at_once;
static uint64_t clocks[most_clocks][4];
static _Atomic long next_window;
static _Atomic uint32_t turn;

__attribute__((noinline)) void window_begin(long number) { __asm__ volatile("" ::"r"(number) : "memory"); }
__attribute__((noinline)) void window_end(long number) { __asm__ volatile("" ::"r"(number) : "memory"); }

__attribute__((noinline)) void window(uint64_t clock[4]) {
    clock[1] = now_ns();
    for (long i = 0; i < calls; i++) syscall(SYS_getppid);
    clock[2] = now_ns();
}

// Inlined twice, so that each probe has two sites.
static inline __attribute__((always_inline)) void one(long number) {
    uint64_t unkept[4];
    uint64_t *clock = number < kept ? clocks[number] : unkept;
    for (int i = 0; i < 3; i++) syscall(SYS_getuid);
    clock[0] = now_ns();
    if (__builtin_expect(kdelay_begin_semaphore, 0)) STAP_PROBE1(kdelay, begin, number);
    window_begin(number);
    window(clock);
    window_end(number);
    if (__builtin_expect(kdelay_end_semaphore, 0)) STAP_PROBE1(kdelay, end, number);
    clock[3] = now_ns();
    for (int i = 0; i < 3; i++) syscall(SYS_getuid);
}

static void take_turns(struct worker *self) {
    for (;;) {
        uint32_t now;
        while ((now = atomic_load(&turn)) % (uint32_t)threads != (uint32_t)self->index)
            syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL);
        if (now < windows) {
            if (now & 1) one(now); else one(now);
        }
        atomic_store(&turn, now + 1);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, INT32_MAX);
        if (now + threads >= windows) return;
    }
}

static void body(struct worker *self) {
    if (!at_once) return take_turns(self);
    for (long number; (number = atomic_fetch_add(&next_window, 1)) < windows;) {
        if (number & 1) one(number); else one(number);
    }
}

int main(int argc, char **argv) {
    calls = number_argument(argc, argv, 1, 25);
    windows = number_argument(argc, argv, 2, 100);
    threads = number_argument(argc, argv, 3, 1);
    at_once = argc > 4 && !strcmp(argv[4], "at-once");
    if (threads < 1 || threads > most_threads) die("threads");
    kept = windows < most_clocks ? windows : most_clocks;
    struct worker workers[most_threads];
    memset(workers, 0, sizeof workers);
    for (int i = 0; i < threads; i++) {
        workers[i].body = body;
        workers[i].cpu = -1;
        workers[i].index = i;
        snprintf(workers[i].comm, sizeof workers[i].comm, "worker-%d", i);
    }
    workers_start(workers, (int)threads);
    wait_for_go(getpid());
    uint64_t start = now_ns();
    workers_run(workers, (int)threads);
    uint64_t end = now_ns();
    report_head("trigger-windows", getpid());
    printf(",\"calls\":%ld,\"window_count\":%ld,\"start_ns\":%lu,\"end_ns\":%lu,\"windows\":[", calls, windows, start, end);
    for (long i = 0; i < kept; i++)
        printf("%s[%lu,%lu,%lu,%lu]", i ? "," : "", clocks[i][0], clocks[i][1], clocks[i][2], clocks[i][3]);
    printf("]");
    report_workers(workers, (int)threads);
    printf("}\n");
    fflush(stdout);
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        printf("{\"begin\":%u,\"end\":%u}\n", *(volatile unsigned short *)&kdelay_begin_semaphore,
               *(volatile unsigned short *)&kdelay_end_semaphore);
        fflush(stdout);
    }
    return 0;
}
