// known-answer [N [M]]: threads whose every syscall is known.
//
//   getppid   N times getppid
//   sleeper   M times clock_nanosleep of 2 ms
//   ping/pong 1000 rounds over one futex; each counts the calls it made and how many failed (EAGAIN: the other was faster)
//   spinner   no syscall, in user space until the others have finished
#include "workload.h"

#include <linux/futex.h>

enum { rounds = 1000, others = 4 };
static long getppids, sleeps;
static _Atomic int finished;
static _Atomic uint32_t turn;

static void getppid_body(struct worker *self) {
    for (long i = 0; i < getppids; i++) clocked(&self->calls[0], SYS_getppid, 0, 0, 0, 0);
    atomic_fetch_add(&finished, 1);
}

static void sleeper_body(struct worker *self) {
    struct timespec time = {0, 2000000};
    for (long i = 0; i < sleeps; i++)
        clocked(&self->calls[0], SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&time, 0);
    atomic_fetch_add(&finished, 1);
}

static void ping_pong_body(struct worker *self) {
    uint32_t mine = (uint32_t)self->index, theirs = 1 - mine;
    for (int i = 0; i < rounds; i++) {
        while (atomic_load(&turn) != mine)
            clocked(&self->calls[0], SYS_futex, (long)&turn, FUTEX_WAIT_PRIVATE, theirs, 0);
        atomic_store(&turn, theirs);
        clocked(&self->calls[0], SYS_futex, (long)&turn, FUTEX_WAKE_PRIVATE, 1, 0);
    }
    atomic_fetch_add(&finished, 1);
}

static void spinner_body(struct worker *self) { spin(&self->gaps, 0, &finished, others); }

int main(int argc, char **argv) {
    getppids = number_argument(argc, argv, 1, 10000);
    sleeps = number_argument(argc, argv, 2, 50);
    struct worker workers[] = {
        {.comm = "getppid", .body = getppid_body, .cpu = -1, .calls = {{.name = "getppid"}}},
        {.comm = "sleeper", .body = sleeper_body, .cpu = -1, .calls = {{.name = "clock_nanosleep"}}},
        {.comm = "ping", .body = ping_pong_body, .cpu = -1, .index = 0, .calls = {{.name = "futex"}}},
        {.comm = "pong", .body = ping_pong_body, .cpu = -1, .index = 1, .calls = {{.name = "futex"}}},
        {.comm = "spinner", .body = spinner_body, .cpu = -1, .gaps = {.threshold_ns = 50000}},
    };
    int count = sizeof workers / sizeof *workers;
    workers_start(workers, count);
    wait_for_go(getpid());
    workers_run(workers, count);
    report_head("known-answer", getpid());
    report_workers(workers, count);
    printf("}\n");
    wait_for_end();
    return 0;
}
