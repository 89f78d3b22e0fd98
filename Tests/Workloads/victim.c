// victim [CPU [MS]]: a thread `victim` wants CPU for MS milliseconds of wall time and makes no syscall meanwhile.
//
// `gaps` is how often, and how long, it did not have the CPU as it saw itself: what a hog beside it, a quota of CPU time or a
// freezer took, and interrupts longer than the threshold.
#include "workload.h"

static long duration_ms;

static void victim_body(struct worker *self) {
    spin(&self->gaps, self->start_ns + (uint64_t)duration_ms * 1000000u, NULL, 0);
}

int main(int argc, char **argv) {
    int cpu = (int)number_argument(argc, argv, 1, 0);
    duration_ms = number_argument(argc, argv, 2, 1000);
    struct worker workers[] = {{.comm = "victim", .body = victim_body, .cpu = cpu, .gaps = {.threshold_ns = 20000}}};
    workers_start(workers, 1);
    wait_for_go(getpid());
    workers_run(workers, 1);
    report_head("victim", getpid());
    printf(",\"cpu\":%d,\"duration_ns\":%ld", cpu, duration_ms * 1000000);
    report_workers(workers, 1);
    printf("}\n");
    wait_for_end();
    return 0;
}
