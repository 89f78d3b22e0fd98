// stopped-reader [ROUNDS [MS]]: `writer` writes twice what a pipe holds, while the pipe's reader, the process `pipe-reader`, is
// stopped. `driver` stops the reader before each of ROUNDS writes, and lets it go on MS milliseconds later.
//
// `filling` has how long the writes took, `stopped_ns` how long the reader was stopped from before they began, at
// the least.
#include "workload.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int data[2], told[2], asked[2];
static long rounds, stop_ms;
static pid_t reader_pid;
static uint64_t stopped_ns;
static char block[128 * 1024];
static struct call filling = {.name = "filling"};

static void read_all(void) {
    prctl(PR_SET_NAME, "pipe-reader");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    static char bytes[sizeof block];
    while (read(data[0], bytes, sizeof bytes) > 0) {}
    _exit(0);
}

static void writer_body(struct worker *self) {
    (void)self;
    char byte;
    for (long i = 0; i < rounds; i++) {
        if (read(asked[0], &byte, 1) != 1) die("read");
        long written = clocked(&filling, SYS_write, data[1], (long)block, sizeof block, 0);
        if (written != sizeof block) die("write");
        if (write(told[1], &byte, 1) != 1) die("write");
    }
}

static void driver_body(struct worker *self) {
    (void)self;
    char byte = 0;
    for (long i = 0; i < rounds; i++) {
        int status;
        if (kill(reader_pid, SIGSTOP) || waitpid(reader_pid, &status, WUNTRACED) < 0) die("stop");
        uint64_t begin = now_ns();
        if (write(asked[1], &byte, 1) != 1) die("write");
        usleep((useconds_t)stop_ms * 1000);
        stopped_ns += now_ns() - begin;
        if (kill(reader_pid, SIGCONT)) die("cont");
        if (read(told[0], &byte, 1) != 1) die("read");
    }
}

int main(int argc, char **argv) {
    rounds = number_argument(argc, argv, 1, 5);
    stop_ms = number_argument(argc, argv, 2, 100);
    if (pipe(data) || pipe(told) || pipe(asked)) die("pipe");
    reader_pid = fork();
    if (reader_pid < 0) die("fork");
    if (!reader_pid) {
        close(data[1]);
        read_all();
    }
    struct worker workers[] = {
        {.comm = "writer", .body = writer_body, .cpu = 0},
        {.comm = "driver", .body = driver_body, .cpu = 0},
    };
    workers_start(workers, 2);
    wait_for_go(getpid());
    workers_run(workers, 2);
    report_head("stopped-reader", getpid());
    printf(",\"reader\":%d,\"rounds\":%ld,\"stopped_ns\":%" PRIu64 ",", (int)reader_pid, rounds, stopped_ns);
    report_call(&filling);
    report_workers(workers, 2);
    printf("}\n");
    wait_for_end();
    return 0;
}
