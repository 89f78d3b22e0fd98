// map-fight [THREADS [MS [CPU]]]: threads `mapper-N` on one CPU map and unmap populated memory of one address space for MS
// milliseconds. They wait for each other in the kernel, at the address space's lock: the program has no lock of its own.
//
// The calls' own clock has the waits in it, and the work: what was waiting is for an observer of the kernel to tell.
#include "workload.h"

#include <sys/mman.h>

enum { most = 16, size = 8 << 20 };

static long duration_ms;

static void mapper_body(struct worker *self) {
    self->calls[0].name = "mmap";
    self->calls[1].name = "munmap";
    while (now_ns() < self->start_ns + (uint64_t)duration_ms * 1000000u) {
        uint64_t begin = now_ns();
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        uint64_t took = now_ns() - begin;
        if (memory == MAP_FAILED) die("mmap");
        struct call *call = &self->calls[0];
        call->count++;
        call->total_ns += took;
        if (took > call->max_ns) call->max_ns = took;
        if (call->count == 1 || took < call->min_ns) call->min_ns = took;
        clocked(&self->calls[1], SYS_munmap, (long)memory, size, 0, 0);
    }
}

int main(int argc, char **argv) {
    long count = number_argument(argc, argv, 1, 4);
    duration_ms = number_argument(argc, argv, 2, 1000);
    int cpu = (int)number_argument(argc, argv, 3, 0);
    if (count > most) count = most;
    static struct worker workers[most];
    for (long i = 0; i < count; i++) {
        snprintf(workers[i].comm, sizeof workers[i].comm, "mapper-%ld", i + 1);
        workers[i].body = mapper_body;
        workers[i].cpu = cpu;
    }
    workers_start(workers, (int)count);
    wait_for_go(getpid());
    workers_run(workers, (int)count);
    report_head("map-fight", getpid());
    report_workers(workers, (int)count);
    printf("}\n");
    wait_for_end();
    return 0;
}
