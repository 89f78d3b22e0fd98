// io-worker [MS [1]]: reads from a pipe through io_uring, so that one of the kernel's workers (`iou-wrk-PID`) sleeps in it.
//
// From `go` on, the first thread makes the ring, with a thread of the kernel's that polls it where a 1 is given (`iou-sqp-PID`;
// that one makes the worker then), submits a read() that is to be done by a worker (IOSQE_ASYNC), sleeps MS milliseconds, and
// writes to the pipe. The kernel makes the worker without the event sched_process_fork. The JSON has the worker's tid and for
// how long it slept at the least.
#include "workload.h"

#include <dirent.h>
#include <inttypes.h>
#include <linux/io_uring.h>
#include <sys/mman.h>

static int ring;
static struct io_uring_params parameters;

static void *map(size_t size, off_t offset) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
    if (memory == MAP_FAILED) die("mmap of the ring");
    return memory;
}

static int find_worker(void) {
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    int found = 0;
    while (tasks && (entry = readdir(tasks))) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        if (fgets(name, sizeof name, file) && !strncmp(name, "iou-wrk", 7)) found = atoi(entry->d_name);
        fclose(file);
    }
    if (tasks) closedir(tasks);
    return found;
}

int main(int argc, char **argv) {
    long milliseconds = number_argument(argc, argv, 1, 1000);
    int pipe_ends[2];
    char byte = 0;
    bool polls = number_argument(argc, argv, 2, 0) > 0;
    if (pipe(pipe_ends)) die("pipe");
    wait_for_go(getpid());
    if (polls) parameters.flags = IORING_SETUP_SQPOLL;
    parameters.sq_thread_idle = 10000;
    ring = (int)syscall(SYS_io_uring_setup, 4, &parameters);
    if (ring < 0) die("io_uring_setup");
    size_t submissions = parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t);
    char *queue = map(submissions, IORING_OFF_SQ_RING);
    struct io_uring_sqe *entries = map(parameters.sq_entries * sizeof *entries, IORING_OFF_SQES);
    entries[0] = (struct io_uring_sqe){
        .opcode = IORING_OP_READ, .flags = IOSQE_ASYNC, .fd = pipe_ends[0], .addr = (uintptr_t)&byte, .len = 1};
    ((uint32_t *)(queue + parameters.sq_off.array))[0] = 0;
    atomic_fetch_add((_Atomic uint32_t *)(queue + parameters.sq_off.tail), 1);
    if (syscall(SYS_io_uring_enter, ring, 1, 0, polls ? IORING_ENTER_SQ_WAKEUP : 0, NULL, 0) != 1) die("io_uring_enter");
    uint64_t start = now_ns();
    struct timespec nap = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&nap, NULL);
    int worker = find_worker();
    uint64_t slept = now_ns() - start;
    if (write(pipe_ends[1], "x", 1) != 1) die("write");
    if (syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) die("io_uring_enter");
    report_head("io-worker", getpid());
    printf(",\"worker\":%d,\"slept_ns\":%" PRIu64 "}\n", worker, slept);
    fflush(stdout);
    wait_for_end();
}
