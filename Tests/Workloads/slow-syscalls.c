// slow-syscalls ROUNDS: syscalls that are slow each for another reason, beside fast ones, for the coverage of stack samples.
//
//   sleeping    nanosleep of 0.3 and 3 ms
//   computing   getrandom of 40 KiB to 4 MiB, munmap of 16 MiB that are populated
//   faulting    read of /dev/zero into 16 MiB that are not
//   preempted   two threads, both pinned to the last CPU, each in getrandom of 4 MiB without a pause
//   young       a thread that was born during the measured part and does all of the above but the last
//
// Prints for each kind how many calls took at least 0.1 and 1 ms by the caller's clock.
#include "workload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/random.h>

enum { sleeping, computing, faulting, preempted, kinds, large = 16 << 20 };

static const char *const names[kinds] = {"sleeping", "computing", "faulting", "preempted"};
static _Atomic uint64_t above_100us[kinds], above_1ms[kinds];
static long rounds;

static void note(int kind, uint64_t begin) {
    uint64_t took = now_ns() - begin;
    if (took >= 100000) above_100us[kind]++;
    if (took >= 1000000) above_1ms[kind]++;
}

#define TIMED(kind, call)            \
    do {                             \
        uint64_t begin_ = now_ns();  \
        (void)!(call);               \
        note(kind, begin_);          \
    } while (0)

static void all_kinds(void) {
    char *bytes = malloc(4 << 20);
    int zero = open("/dev/zero", O_RDONLY);
    for (long round = 0; round < rounds; round++) {
        struct timespec brief = {0, 300000}, longer = {0, 3000000};
        TIMED(sleeping, nanosleep(&brief, NULL));
        TIMED(sleeping, nanosleep(&longer, NULL));
        TIMED(computing, getrandom(bytes, 256 << 10, 0));
        TIMED(computing, getrandom(bytes, 4 << 20, 0));
        // About as long as a threshold of 0.1 ms, on either side.
        for (size_t size = 40 << 10; size < 120 << 10; size += 1 << 10) TIMED(computing, getrandom(bytes, size, 0));
        void *full = mmap(NULL, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        TIMED(computing, munmap(full, large));
        void *empty = mmap(NULL, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        TIMED(faulting, read(zero, empty, large));
        munmap(empty, large);
        for (int fast = 0; fast < 2000; fast++) syscall(SYS_getppid);
    }
    close(zero);
    free(bytes);
}

static void *compete(void *unused) {
    (void)unused;
    pin((int)sysconf(_SC_NPROCESSORS_ONLN) - 1);
    char *bytes = malloc(4 << 20);
    for (long round = 0; round < rounds; round++) TIMED(preempted, getrandom(bytes, 4 << 20, 0));
    free(bytes);
    return NULL;
}

static void *young(void *unused) {
    (void)unused;
    all_kinds();
    return NULL;
}

int main(int argc, char **argv) {
    rounds = number_argument(argc, argv, 1, 20);
    wait_for_go(getpid());
    uint64_t start = now_ns();
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, compete, NULL);
    pthread_create(&threads[1], NULL, compete, NULL);
    pthread_create(&threads[2], NULL, young, NULL);
    all_kinds();
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    uint64_t end = now_ns();

    report_head("slow-syscalls", getpid());
    printf(",\"start_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64, start, end);
    for (int kind = 0; kind < kinds; kind++)
        printf(",\"%s\":{\"above_100us\":%" PRIu64 ",\"above_1ms\":%" PRIu64 "}", names[kind], above_100us[kind],
               above_1ms[kind]);
    printf("}\n");
    wait_for_end();
    return 0;
}
