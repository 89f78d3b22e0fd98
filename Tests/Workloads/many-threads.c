// many-threads [N]: N threads mt-0, mt-1, …, each doing 5 getppid and then sleeping on a futex until the program ends.
#include "workload.h"

static void body(struct worker *self) {
    for (int i = 0; i < 5; i++) clocked(&self->calls[0], SYS_getppid, 0, 0, 0, 0);
}

int main(int argc, char **argv) {
    int count = (int)number_argument(argc, argv, 1, 1000);
    struct worker *workers = calloc((size_t)count, sizeof *workers);
    if (!workers) die("calloc");
    for (int i = 0; i < count; i++) {
        workers[i] = (struct worker){.body = body, .cpu = -1, .ends_in_futex = true, .calls = {{.name = "getppid"}}};
        snprintf(workers[i].comm, sizeof workers[i].comm, "mt-%d", i);
    }
    workers_start(workers, count);
    wait_for_go(getpid());
    workers_run(workers, count);
    report_head("many-threads", getpid());
    report_workers(workers, count);
    printf("}\n");
    wait_for_end();
    return 0;
}
