// lifecycle [THREADS] [--exec | --exec-thread]: threads that come, rename themselves and go, one after the other.
//
// Each is created with its creator's name, renames itself to life-<i>, does exactly 10 getppid and ends. Then, with --exec,
// the first thread replaces the program by another image (the file `after-exec` beside this one); with --exec-thread a
// second thread `execer` does, after 3 getppid of its own: the kernel then kills the first one and gives the new image
// its tid, so that `execer`'s tid is gone without a sched_process_exit of its own. The new image does exactly 7
// getppid under the name `after-exec`, which exec gave it, and prints the JSON.
#include "workload.h"

#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <sys/prctl.h>

enum { calls_each = 10, calls_of_execer = 3, calls_after_exec = 7 };

struct life {
    int index, tid;
    uint64_t start_ns, end_ns;
};

static void *life_main(void *argument) {
    struct life *self = argument;
    char name[16];
    snprintf(name, sizeof name, "life-%d", self->index);
    prctl(PR_SET_NAME, name);
    self->tid = (int)syscall(SYS_gettid);
    self->start_ns = now_ns();
    for (int i = 0; i < calls_each; i++) syscall(SYS_getppid);
    self->end_ns = now_ns();
    return NULL;
}

static void exec_next(const char *report) {
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 16);
    if (length < 0) die("/proc/self/exe");
    path[length] = 0;
    strcat(dirname(path), "/after-exec");
    execl(path, path, report, (char *)NULL);
    die(path);
}

static void *execer_main(void *argument) {
    char report[64];
    prctl(PR_SET_NAME, "execer");
    for (int i = 0; i < calls_of_execer; i++) syscall(SYS_getppid);
    snprintf(report, sizeof report, ",\"execer\":{\"tid\":%d,\"getppid\":%d}", (int)syscall(SYS_gettid), calls_of_execer);
    exec_next(strcat(argument, report));
    return NULL;
}

/// The new image: what the old one did comes as an argument.
static int after_exec(const char *before) {
    uint64_t start = now_ns();
    for (int i = 0; i < calls_after_exec; i++) syscall(SYS_getppid);
    uint64_t end = now_ns();
    report_head("lifecycle", getpid());
    printf("%s,\"after_exec\":{\"tid\":%d,\"comm\":\"after-exec\",\"getppid\":%d,\"start_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64
           "}}\n",
           before, (int)getpid(), calls_after_exec, start, end);
    wait_for_end();
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(basename(argv[0]), "after-exec") == 0) return after_exec(argv[1]);
    bool leader_execs = argc > 1 && strcmp(argv[argc - 1], "--exec") == 0;
    bool thread_execs = argc > 1 && strcmp(argv[argc - 1], "--exec-thread") == 0;
    if (leader_execs || thread_execs) argc--;
    int count = (int)number_argument(argc, argv, 1, 20);
    if (count > 1000) count = 1000;

    wait_for_go(getpid());
    // An argument of exec is at most 128 KiB; 1000 threads take less.
    char *report = malloc(1 << 17), *at = report;
    if (!report) die("malloc");
    at += sprintf(at, ",\"threads\":[");
    for (int i = 0; i < count; i++) {
        struct life life = {.index = i};
        pthread_t thread;
        if (pthread_create(&thread, NULL, life_main, &life)) die("pthread_create");
        pthread_join(thread, NULL);
        at += sprintf(at, "%s{\"tid\":%d,\"comm\":\"life-%d\",\"getppid\":%d,\"start_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 "}",
                      i ? "," : "", life.tid, i, calls_each, life.start_ns, life.end_ns);
    }
    at += sprintf(at, "]");
    if (leader_execs) exec_next(report);
    if (thread_execs) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, execer_main, report)) die("pthread_create");
        pthread_join(thread, NULL);
    }
    report_head("lifecycle", getpid());
    printf("%s,\"after_exec\":null}\n", report);
    wait_for_end();
    return 0;
}
