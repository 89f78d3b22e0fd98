// stop-cont [TIMES [MS]]: a child process that its parent stops (SIGSTOP) TIMES times for MS milliseconds, 200 ms apart.
//
// The process to watch is the child; `ready PID` names it. From `go` on its thread `victim` sleeps 1 ms again and again, while
// the child's first thread blocks in read(). Each entry of `stops` is what the parent clocked:
//
//   stop_sent_ns   before kill(SIGSTOP)
//   stopped_ns     after waitid(WSTOPPED): every thread has stopped
//   cont_sent_ns   before kill(SIGCONT)
//   running_ns     when `victim` next read the clock
//
// so a thread was stopped for at least cont_sent - stopped, and at most running - stop_sent.
//
// The signal ends the sleep: clock_nanosleep returns -ERESTART_RESTARTBLOCK, which sys_exit shows and user space never sees.
// The thread stops on its way out of the kernel, after sys_exit, so the stopped time is in no syscall. SIGCONT makes it
// enter restart_syscall for what is left of the sleep. The kernel thus sees up to TIMES of those beside the calls that `victim`
// counts, and shorter sleeps than it clocked; and of the first thread the ends of TIMES read() (-ERESTARTSYS).
#include "workload.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { max_stops = 100 };

struct shared {
    _Atomic int victim;                // its tid, once it is named
    _Atomic int leave;
    _Atomic uint64_t last_reading_ns;  // of the clock, by the victim
    struct call sleep;
};

static struct shared *shared;
static int gate[2], done[2], end[2];

static void *victim_main(void *unused) {
    (void)unused;
    struct timespec time = {0, 1000000};
    prctl(PR_SET_NAME, "victim");
    atomic_store(&shared->victim, (int)syscall(SYS_gettid));
    char byte;
    if (syscall(SYS_read, gate[0], &byte, 1) != 1) die("gate");
    while (!atomic_load(&shared->leave)) {
        clocked(&shared->sleep, SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&time, 0);
        atomic_store(&shared->last_reading_ns, now_ns());
    }
    syscall(SYS_write, done[1], &byte, 1);
    syscall(SYS_read, gate[0], &byte, 1);
    return NULL;
}

static void child_main(void) {
    pthread_t thread;
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (pthread_create(&thread, NULL, victim_main, NULL)) die("pthread_create");
    while (syscall(SYS_read, end[0], &byte, 1) > 0) {}
    _exit(0);
}

struct stop {
    uint64_t stop_sent_ns, stopped_ns, cont_sent_ns, running_ns;
};

static struct stop stop_for(pid_t child, long ms) {
    struct stop stop;
    siginfo_t info;
    stop.stop_sent_ns = now_ns();
    if (kill(child, SIGSTOP)) die("SIGSTOP");
    if (waitid(P_PID, (id_t)child, &info, WSTOPPED)) die("waitid");
    stop.stopped_ns = now_ns();
    usleep((useconds_t)ms * 1000);
    stop.cont_sent_ns = now_ns();
    if (kill(child, SIGCONT)) die("SIGCONT");
    while ((stop.running_ns = atomic_load(&shared->last_reading_ns)) < stop.cont_sent_ns) usleep(200);
    return stop;
}

int main(int argc, char **argv) {
    long times = number_argument(argc, argv, 1, 3), ms = number_argument(argc, argv, 2, 120);
    struct stop stops[max_stops];
    char byte = 0;
    if (times > max_stops) times = max_stops;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || pipe(gate) || pipe(done) || pipe(end)) die("set-up");
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
        close(end[1]);
        child_main();
    }
    close(end[0]);
    while (!atomic_load(&shared->victim)) usleep(500);
    wait_for_go(child);

    uint64_t start = now_ns();
    if (write(gate[1], &byte, 1) != 1) die("gate");
    for (int i = 0; i < times; i++) {
        usleep(100000);
        stops[i] = stop_for(child, ms);
        usleep(100000);
    }
    atomic_store(&shared->leave, 1);
    if (read(done[0], &byte, 1) != 1) die("done");
    uint64_t ended = now_ns(), at_least = 0, at_most = 0;

    report_head("stop-cont", child);
    printf(",\"parent\":%d,\"start_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 ",\"stops\":[", (int)getpid(), start, ended);
    for (int i = 0; i < times; i++) {
        at_least += stops[i].cont_sent_ns - stops[i].stopped_ns;
        at_most += stops[i].running_ns - stops[i].stop_sent_ns;
        printf("%s{\"stop_sent_ns\":%" PRIu64 ",\"stopped_ns\":%" PRIu64 ",\"cont_sent_ns\":%" PRIu64
               ",\"running_ns\":%" PRIu64 "}",
               i ? "," : "", stops[i].stop_sent_ns, stops[i].stopped_ns, stops[i].cont_sent_ns, stops[i].running_ns);
    }
    printf("],\"stopped_at_least_ns\":%" PRIu64 ",\"stopped_at_most_ns\":%" PRIu64, at_least, at_most);
    shared->sleep.name = "clock_nanosleep";
    printf(",\"threads\":[{\"tid\":%d,\"comm\":\"victim\",\"syscalls\":{", shared->victim);
    report_call(&shared->sleep);
    printf(",\"write\":{\"count\":1,\"errors\":0,\"total_ns\":null,\"min_ns\":null,\"max_ns\":null}}}]}\n");
    wait_for_end();
    close(end[1]);
    waitpid(child, NULL, 0);
    return 0;
}
