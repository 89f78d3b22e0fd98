// spawn-idle [ROUNDS [CPU]]: `spawner` starts /bin/true ROUNDS times by posix_spawn, each with the policy SCHED_IDLE.
//
// The child has descriptors to close before it executes the program, as many as a careful program asks for, so that its time
// slice does not suffice. posix_spawn returns when it has executed the program: a busy CPU keeps the spawner waiting for as
// long as the child gets none. `spawn` has how long the calls took, `children` the pids.
#include "workload.h"

#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>

enum { most = 100, closes = 50000 };

extern char **environ;
static long rounds;
static pid_t children[most];
static struct call spawn = {.name = "spawn"};

__attribute__((noinline)) static pid_t start_program(const posix_spawn_file_actions_t *actions,
                                                     const posix_spawnattr_t *attributes) {
    char *arguments[] = {"true", NULL};
    pid_t child;
    uint64_t begin = now_ns();
    errno = posix_spawn(&child, "/bin/true", actions, attributes, arguments, environ);
    uint64_t took = now_ns() - begin;
    if (errno) die("posix_spawn");
    spawn.count++;
    spawn.total_ns += took;
    if (took > spawn.max_ns) spawn.max_ns = took;
    if (spawn.count == 1 || took < spawn.min_ns) spawn.min_ns = took;
    return child;
}

static void spawner_body(struct worker *self) {
    (void)self;
    posix_spawnattr_t attributes;
    struct sched_param parameter = {0};
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setschedparam(&attributes, &parameter);
    // glibc hands the child's policy to the kernel as it is, but its setter takes the policies of POSIX alone.
    attributes.__policy = SCHED_IDLE;
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSCHEDULER);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    // The same one, that is not open: the call is all that is wanted.
    for (int i = 0; i < closes; i++) posix_spawn_file_actions_addclose(&actions, 1000);
    for (long i = 0; i < rounds; i++) children[i] = start_program(&actions, &attributes);
    for (long i = 0; i < rounds; i++)
        if (waitpid(children[i], NULL, 0) < 0) die("waitpid");
}

int main(int argc, char **argv) {
    rounds = number_argument(argc, argv, 1, 5);
    if (rounds > most) rounds = most;
    struct worker workers[] = {{.comm = "spawner", .body = spawner_body, .cpu = (int)number_argument(argc, argv, 2, 0)}};
    workers_start(workers, 1);
    wait_for_go(getpid());
    workers_run(workers, 1);
    report_head("spawn-idle", getpid());
    printf(",");
    report_call(&spawn);
    printf(",\"children\":[");
    for (long i = 0; i < rounds; i++) printf("%s%d", i ? "," : "", (int)children[i]);
    printf("]");
    report_workers(workers, 1);
    printf("}\n");
    wait_for_end();
    return 0;
}
