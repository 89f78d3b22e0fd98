#include "workload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

static int gate[2], done[2], end[2];

void die(const char *what) {
    perror(what);
    exit(1);
}

long number_argument(int argc, char **argv, int index, long otherwise) {
    if (index >= argc) return otherwise;
    char *rest;
    long value = strtol(argv[index], &rest, 10);
    if (*rest || rest == argv[index] || value < 0) {
        fprintf(stderr, "%s: not a number: %s\n", argv[0], argv[index]);
        exit(64);
    }
    return value;
}

void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set)) die("sched_setaffinity");
}

void spin(struct gaps *gaps, uint64_t deadline_ns, _Atomic int *stop, int stop_at) {
    uint64_t last = now_ns();
    while (!stop || atomic_load_explicit(stop, memory_order_relaxed) < stop_at) {
        uint64_t now = now_ns();
        uint64_t gap = now - last;
        last = now;
        if (gap > gaps->threshold_ns) {
            gaps->count++;
            gaps->total_ns += gap;
            if (gap > gaps->max_ns) gaps->max_ns = gap;
        }
        if (deadline_ns && now >= deadline_ns) break;
    }
}

static void *worker_main(void *argument) {
    struct worker *self = argument;
    char byte = 0;
    prctl(PR_SET_NAME, self->comm);
    if (self->cpu >= 0) pin(self->cpu);
    self->done_write.name = "write";
    atomic_store(&self->tid, (int)syscall(SYS_gettid));
    if (syscall(SYS_read, gate[0], &byte, 1) != 1) die("gate");
    self->start_ns = now_ns();
    self->body(self);
    self->end_ns = now_ns();
    clocked(&self->done_write, SYS_write, done[1], (long)&byte, 1, 0);
    static uint32_t never;
    if (self->ends_in_futex)
        syscall(SYS_futex, &never, FUTEX_WAIT_PRIVATE, 0, NULL);
    else
        syscall(SYS_read, end[0], &byte, 1);
    return NULL;
}

static bool read_task_file(int tid, const char *name, char *text, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
    int fd = open(path, O_RDONLY);
    if (fd < 0) return false;
    ssize_t length = read(fd, text, size - 1);
    close(fd);
    if (length <= 0) return false;
    text[length] = 0;
    return true;
}

/// Waits until the worker is off the CPU in the syscall it waits in, so that nothing of its start or end is still to come.
/// The `syscall` file says `running` until the scheduler has switched the task out; the state in `stat` changes before.
static void settle(struct worker *worker, long waits_in, struct schedstat *account) {
    char text[512];
    for (;; usleep(500)) {
        int tid = atomic_load(&worker->tid);
        char *rest;
        if (!tid) continue;
        if (!read_task_file(tid, "syscall", text, sizeof text)) die("/proc/self/task/TID/syscall");
        if (strtol(text, &rest, 10) == waits_in && rest != text) break;
    }
    if (!read_task_file(worker->tid, "schedstat", text, sizeof text) ||
        sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &account->run_ns, &account->ready_ns, &account->runs) != 3)
        memset(account, 0, sizeof *account);
}

void workers_start(struct worker *workers, int count) {
    if (pipe(gate) || pipe(done) || pipe(end)) die("pipe");
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 128 * 1024);
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        errno = pthread_create(&thread, &attributes, worker_main, &workers[i]);
        if (errno) die("pthread_create");
    }
    for (int i = 0; i < count; i++) settle(&workers[i], SYS_read, &workers[i].before);
}

void wait_for_go(pid_t pid) {
    printf("ready %d\n", (int)pid);
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {}
}

void wait_for_end(void) {
    fflush(stdout);
    char bytes[64];
    while (read(STDIN_FILENO, bytes, sizeof bytes) > 0) {}
}

void workers_run(struct worker *workers, int count) {
    char bytes[count];
    memset(bytes, 0, (size_t)count);
    if (write(gate[1], bytes, (size_t)count) != count) die("gate");
    for (int i = 0; i < count; i++)
        if (read(done[0], bytes, 1) != 1) die("done");
    for (int i = 0; i < count; i++)
        settle(&workers[i], workers[i].ends_in_futex ? SYS_futex : SYS_read, &workers[i].after);
}

void report_head(const char *program, pid_t pid) {
    char source[64] = "unknown";
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
    if (file) {
        if (fgets(source, sizeof source, file)) source[strcspn(source, "\n")] = 0;
        fclose(file);
    }
    printf("{\"program\":\"%s\",\"pid\":%d,\"clocksource\":\"%s\"", program, (int)pid, source);
}

void report_call(const struct call *call) {
    printf("\"%s\":{\"count\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"total_ns\":%" PRIu64 ",\"min_ns\":%" PRIu64
           ",\"max_ns\":%" PRIu64 "}",
           call->name, call->count, call->errors, call->total_ns, call->min_ns, call->max_ns);
}

static void report_worker(const struct worker *worker) {
    printf("{\"tid\":%d,\"comm\":\"%s\",\"start_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 ",\"syscalls\":{", worker->tid,
           worker->comm, worker->start_ns, worker->end_ns);
    for (int i = 0; i < max_calls; i++)
        if (worker->calls[i].name) {
            report_call(&worker->calls[i]);
            printf(",");
        }
    report_call(&worker->done_write);
    printf("}");
    if (worker->gaps.threshold_ns)
        printf(",\"gaps\":{\"threshold_ns\":%" PRIu64 ",\"count\":%" PRIu64 ",\"total_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64
               "}",
               worker->gaps.threshold_ns, worker->gaps.count, worker->gaps.total_ns, worker->gaps.max_ns);
    if (worker->after.runs)
        printf(",\"schedstat\":{\"run_ns\":%" PRIu64 ",\"ready_ns\":%" PRIu64 ",\"runs\":%" PRIu64 "}",
               worker->after.run_ns - worker->before.run_ns, worker->after.ready_ns - worker->before.ready_ns,
               worker->after.runs - worker->before.runs);
    else
        printf(",\"schedstat\":null");
    printf("}");
}

void report_workers(const struct worker *workers, int count) {
    printf(",\"threads\":[");
    for (int i = 0; i < count; i++) {
        if (i) printf(",");
        report_worker(&workers[i]);
    }
    printf("]");
}
