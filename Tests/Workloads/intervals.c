// Intervals that the program clocks itself: intervals KIND COUNT [LONG_US [SHORT_US]]
//
// One thread makes COUNT intervals, long and short ones in turn. KIND is `poll`: the time between two polls, in which the thread
// spins; or `sleep`: a sleep of that length.
//
// Prints "intervals": [[a, b, c, d], …], of each the clock before and after its begin, and before and after its end, so that what a
// watcher takes for the interval begins between a and b, and ends between c and d.
#include "workload.h"
#include <poll.h>

static bool sleeps;
static long count;
static uint64_t lengths_ns[2];
static uint64_t (*edges)[2];

static void sleep_for(uint64_t length) {
    struct timespec time = {.tv_sec = length / 1000000000u, .tv_nsec = length % 1000000000u};
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, NULL);
}

static void body(struct worker *worker) {
    (void)worker;
    for (long i = 0; i <= count; i++) {
        edges[i][0] = now_ns();
        if (sleeps) sleep_for(lengths_ns[i % 2]);
        else syscall(SYS_poll, NULL, 0, 0);
        edges[i][1] = now_ns();
        if (sleeps) continue;
        uint64_t end = edges[i][1] + lengths_ns[i % 2];
        while (now_ns() < end);
    }
}

int main(int argc, char **argv) {
    if (argc < 3) die("usage: intervals poll|sleep COUNT [LONG_US [SHORT_US]]");
    sleeps = !strcmp(argv[1], "sleep");
    count = number_argument(argc, argv, 2, 0);
    lengths_ns[0] = (uint64_t)number_argument(argc, argv, 3, 600) * 1000;
    lengths_ns[1] = (uint64_t)number_argument(argc, argv, 4, 100) * 1000;
    edges = calloc((size_t)count + 1, sizeof *edges);
    struct worker worker = {.comm = "clocked", .body = body, .cpu = -1};
    workers_start(&worker, 1);
    wait_for_go(getpid());
    workers_run(&worker, 1);
    report_head("intervals", getpid());
    printf(",\"intervals\":[");
    for (long i = 0; i < count; i++) {
        const uint64_t *begin = edges[i], *end = edges[i + !sleeps];
        // A sleep begins and ends within one call.
        if (sleeps) printf("%s[%lu,%lu,%lu,%lu]", i ? "," : "", begin[0], begin[0], end[1], end[1]);
        else printf("%s[%lu,%lu,%lu,%lu]", i ? "," : "", begin[0], begin[1], end[0], end[1]);
    }
    printf("]");
    report_workers(&worker, 1);
    printf("}\n");
    fflush(stdout);
    wait_for_end();
    return 0;
}
