// lock-chain [ROUNDS [MS [CPU]]]: `waiter` waits for a mutex of `middle`, which waits for one of `owner`, which computes for MS
// milliseconds before it lets go.
//
// A round: owner locks the first mutex and tells middle; middle locks the second, tells waiter, and asks for the first; waiter
// asks for the second. What waiter loses is owner's computing, although middle wakes it. `locks` has how long waiter and middle
// waited for their mutexes as they clocked themselves, `gaps` of owner when it had no CPU while it computed. All of them are on
// one CPU.
#include "workload.h"

#include <inttypes.h>
#include <pthread.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static int to_owner[2], to_middle[2], to_waiter[2];
static long rounds, hold_ms;
static struct call middle_lock = {.name = "middle"}, waiter_lock = {.name = "waiter"};

static void tell(int *pipe) {
    char byte = 0;
    if (write(pipe[1], &byte, 1) != 1) die("write");
}

static void hear(int *pipe) {
    char byte;
    if (read(pipe[0], &byte, 1) != 1) die("read");
}

static void clocked_lock(struct call *call, pthread_mutex_t *mutex) {
    uint64_t begin = now_ns();
    pthread_mutex_lock(mutex);
    uint64_t took = now_ns() - begin;
    call->count++;
    call->total_ns += took;
    if (took > call->max_ns) call->max_ns = took;
    if (call->count == 1 || took < call->min_ns) call->min_ns = took;
}

// What an inversion's story needs is in the stacks: functions that are not inlined.
__attribute__((noinline)) static void compute(struct worker *self, uint64_t until) { spin(&self->gaps, until, NULL, 0); }

static void owner_body(struct worker *self) {
    for (long i = 0; i < rounds; i++) {
        if (i) hear(to_owner);
        pthread_mutex_lock(&first);
        tell(to_middle);
        compute(self, now_ns() + (uint64_t)hold_ms * 1000000u);
        pthread_mutex_unlock(&first);
    }
}

static void middle_body(struct worker *self) {
    (void)self;
    for (long i = 0; i < rounds; i++) {
        hear(to_middle);
        pthread_mutex_lock(&second);
        tell(to_waiter);
        clocked_lock(&middle_lock, &first);
        pthread_mutex_unlock(&first);
        pthread_mutex_unlock(&second);
    }
}

static void waiter_body(struct worker *self) {
    (void)self;
    for (long i = 0; i < rounds; i++) {
        hear(to_waiter);
        clocked_lock(&waiter_lock, &second);
        pthread_mutex_unlock(&second);
        if (i + 1 < rounds) tell(to_owner);
    }
}

int main(int argc, char **argv) {
    rounds = number_argument(argc, argv, 1, 20);
    hold_ms = number_argument(argc, argv, 2, 20);
    int cpu = (int)number_argument(argc, argv, 3, 0);
    if (pipe(to_owner) || pipe(to_middle) || pipe(to_waiter)) die("pipe");
    struct worker workers[] = {
        {.comm = "waiter", .body = waiter_body, .cpu = cpu},
        {.comm = "middle", .body = middle_body, .cpu = cpu},
        {.comm = "owner", .body = owner_body, .cpu = cpu, .gaps = {.threshold_ns = 20000}},
    };
    workers_start(workers, 3);
    wait_for_go(getpid());
    workers_run(workers, 3);
    report_head("lock-chain", getpid());
    printf(",\"rounds\":%ld,\"hold_ns\":%ld,\"locks\":{", rounds, hold_ms * 1000000);
    report_call(&waiter_lock);
    printf(",");
    report_call(&middle_lock);
    printf("}");
    report_workers(workers, 3);
    printf("}\n");
    wait_for_end();
    return 0;
}
