// preempt [CPU [MS]]: two threads share one CPU, each spinning in user space for MS milliseconds of wall time.
//
// `gaps` is how long, and how often, each was off the CPU as it saw itself. It makes no syscall, so all of that is READY
// time of a preempted thread (and interrupts, and a hypervisor's steal time, longer than the threshold). READY time has in
// addition the wait between the opening of the gate and `start_ns`, which `schedstat` includes.
#include "workload.h"

static long duration_ms;

static void hog_body(struct worker *self) {
    spin(&self->gaps, self->start_ns + (uint64_t)duration_ms * 1000000u, NULL, 0);
}

int main(int argc, char **argv) {
    int cpu = (int)number_argument(argc, argv, 1, 0);
    duration_ms = number_argument(argc, argv, 2, 500);
    struct worker workers[] = {
        {.comm = "hog-a", .body = hog_body, .cpu = cpu, .gaps = {.threshold_ns = 50000}},
        {.comm = "hog-b", .body = hog_body, .cpu = cpu, .gaps = {.threshold_ns = 50000}},
    };
    workers_start(workers, 2);
    wait_for_go(getpid());
    workers_run(workers, 2);
    report_head("preempt", getpid());
    printf(",\"cpu\":%d,\"duration_ns\":%ld", cpu, duration_ms * 1000000);
    report_workers(workers, 2);
    printf("}\n");
    wait_for_end();
    return 0;
}
