// demo-convoy [SECONDS]: a program with every kind of latency, to try the tool on. It needs no watcher and exits 0.
//
//   worker-1 … worker-4   contend for one mutex, held while doing 2 ms of work: a lock convoy (futex)
//   cpu-hog, preempted    share CPU 0: `preempted` wants 1 ms of it every 5 ms, and waits for it (READY time)
//   slow-writer           writes 64 KiB and fdatasyncs a temporary file, again and again (blocked in the kernel)
//   busy-poll             polls a pipe with timeout 0: a great many fast syscalls
#include "workload.h"

#include <pthread.h>
#include <poll.h>
#include <sys/prctl.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int stop;
static char path[4096];

static void burn(long microseconds) {
    uint64_t until = now_ns() + (uint64_t)microseconds * 1000;
    while (now_ns() < until) {}
}

// Named functions that are not inlined, so that the stacks of the demo read as a story.
__attribute__((noinline)) static void hold_the_lock(long microseconds) {
    pthread_mutex_lock(&mutex);
    // Part of it asleep: on a machine with few CPUs the convoy would else be hidden by the queue for the CPU.
    burn(microseconds / 4);
    usleep((useconds_t)(microseconds - microseconds / 4));
    pthread_mutex_unlock(&mutex);
}

static void *worker(void *name) {
    prctl(PR_SET_NAME, name);
    while (!stop) {
        hold_the_lock(2000);
        burn(100);
    }
    return NULL;
}

static void *cpu_hog(void *name) {
    prctl(PR_SET_NAME, name);
    pin(0);
    while (!stop) {}
    return NULL;
}

static void *preempted(void *name) {
    prctl(PR_SET_NAME, name);
    pin(0);
    while (!stop) {
        burn(1000);
        usleep(5000);
    }
    return NULL;
}

__attribute__((noinline)) static void save_slowly(int fd) {
    static char block[64 * 1024];
    if (pwrite(fd, block, sizeof block, 0) < 0 || fdatasync(fd)) die(path);
}

static void *slow_writer(void *name) {
    prctl(PR_SET_NAME, name);
    const char *directory = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/demo-convoy.XXXXXX", directory ? directory : "/tmp");
    int fd = mkstemp(path);
    if (fd < 0) die(path);
    // Removed at once, so that it does not stay even if the program is killed.
    unlink(path);
    while (!stop) save_slowly(fd);
    close(fd);
    return NULL;
}

static void *busy_poll(void *name) {
    prctl(PR_SET_NAME, name);
    int ends[2];
    if (pipe(ends)) die("pipe");
    struct pollfd entry = {.fd = ends[0], .events = POLLIN};
    while (!stop) {
        poll(&entry, 1, 0);
        burn(20);
    }
    return NULL;
}

int main(int argc, char **argv) {
    long seconds = number_argument(argc, argv, 1, 3);
    static const struct {
        char name[16];
        void *(*body)(void *);
    } threads[] = {{"worker-1", worker},   {"worker-2", worker},     {"worker-3", worker},         {"worker-4", worker},
                   {"cpu-hog", cpu_hog},   {"preempted", preempted}, {"slow-writer", slow_writer}, {"busy-poll", busy_poll}};
    enum { count = sizeof threads / sizeof *threads };
    pthread_t started[count];
    for (int i = 0; i < count; i++)
        if (pthread_create(&started[i], NULL, threads[i].body, (void *)threads[i].name)) die("pthread_create");
    sleep((unsigned)seconds);
    stop = 1;
    for (int i = 0; i < count; i++) pthread_join(started[i], NULL);
    printf("{\"program\":\"demo-convoy\",\"pid\":%d,\"seconds\":%ld,\"threads\":[", (int)getpid(), seconds);
    for (int i = 0; i < count; i++) printf("%s\"%s\"", i ? "," : "", threads[i].name);
    printf("]}\n");
    return 0;
}
