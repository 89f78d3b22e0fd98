// spin-syscalls CALLS [CPU] | --forever [CPU]: nothing but getppid, from one thread, for the benchmark of what tracing costs.
//
// CALLS are made in 10 batches; `best_ns_per_call` is the fastest batch, which other load on the machine disturbs least.
// With --forever it makes them until it is killed, without a handshake and printing nothing.
#include "workload.h"

#include <inttypes.h>

enum { batches = 10 };

int main(int argc, char **argv) {
    bool forever = argc > 1 && strcmp(argv[1], "--forever") == 0;
    long calls = forever ? 0 : number_argument(argc, argv, 1, 1000000);
    if (argc > 2) pin((int)number_argument(argc, argv, 2, 0));
    if (forever)
        for (;;) syscall(SYS_getppid);
    calls = calls / batches * batches;
    if (calls == 0) calls = batches;

    wait_for_go(getpid());
    uint64_t best = UINT64_MAX, start = now_ns();
    for (int batch = 0; batch < batches; batch++) {
        uint64_t begin = now_ns();
        for (long i = 0; i < calls / batches; i++) syscall(SYS_getppid);
        uint64_t took = now_ns() - begin;
        if (took < best) best = took;
    }
    uint64_t end = now_ns();

    report_head("spin-syscalls", getpid());
    printf(",\"calls\":%ld,\"start_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 ",\"ns_per_call\":%.1f,\"best_ns_per_call\":%.1f}\n",
           calls, start, end, (double)(end - start) / (double)calls, (double)best / ((double)calls / batches));
    wait_for_end();
    return 0;
}
