// spinner [MEBIBYTES [FAULT_MS]]: a thread `spinner` that makes no syscall from `ready` on.
//
// It counts, touches a new page of MEBIBYTES of memory every microsecond or so while there are some left, and with FAULT_MS
// waits for each of three pages until the first thread hands it out (userfaultfd), FAULT_MS milliseconds after it was asked
// for: the thread then sleeps outside of any syscall. The first thread begins with that at `go`; the JSON has how often
// and for how long the spinner was kept waiting, at the least, its tid, and the kernel's account of it: clock ticks of
// /proc/TID/stat at `go` and now.
#include "workload.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum { page = 4096, held_pages = 3 };

static volatile char *fresh, *held;
static long fresh_size;
static _Atomic int tid, touches_held;

static void *spinner_main(void *unused) {
    (void)unused;
    prctl(PR_SET_NAME, "spinner");
    atomic_store(&tid, (int)syscall(SYS_gettid));
    long offset = 0;
    int touched = 0;
    for (volatile uint64_t count = 0;; count++) {
        if (count % 512 == 0 && offset < fresh_size) {
            fresh[offset] = 1;
            offset += page;
        }
        if (touched < held_pages && touches_held > touched) (void)held[page * touched++];
    }
    return NULL;
}

static void ticks(long *user, long *kernel) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY);
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", user, kernel) != 2) die("stat");
}

static int hold(void *memory) {
    int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register range = {
        .range = {(uintptr_t)memory, held_pages * page}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (faults < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &range)) die("userfaultfd");
    return faults;
}

int main(int argc, char **argv) {
    fresh_size = number_argument(argc, argv, 1, 0) << 20;
    long delay = number_argument(argc, argv, 2, 0), before_user, before_kernel, user, kernel;
    fresh = mmap(NULL, fresh_size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *memory = mmap(NULL, held_pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    held = memory;
    if (fresh == MAP_FAILED || memory == MAP_FAILED) die("mmap");
    madvise((void *)fresh, fresh_size, MADV_NOHUGEPAGE);
    int faults = delay ? hold(memory) : -1;
    pthread_t thread;
    if (pthread_create(&thread, NULL, spinner_main, NULL)) die("pthread_create");
    while (!atomic_load(&tid)) usleep(1000);
    usleep(20000);
    wait_for_go(getpid());
    ticks(&before_user, &before_kernel);
    uint64_t waited = 0;
    for (int round = 0; delay && round < held_pages; round++) {
        struct uffd_msg message;
        atomic_store(&touches_held, round + 1);
        if (read(faults, &message, sizeof message) != sizeof message) die("read of the fault");
        uint64_t start = now_ns();
        usleep((useconds_t)delay * 1000);
        struct uffdio_zeropage zero = {.range = {message.arg.pagefault.address & ~(uint64_t)(page - 1), page}};
        waited += now_ns() - start;
        if (ioctl(faults, UFFDIO_ZEROPAGE, &zero)) die("UFFDIO_ZEROPAGE");
    }
    if (!delay) usleep(500000);
    ticks(&user, &kernel);
    report_head("spinner", getpid());
    printf(",\"spinner\":%d,\"waited_ns\":%" PRIu64 ",\"user_ticks\":%ld,\"kernel_ticks\":%ld}\n", tid, waited,
           user - before_user, kernel - before_kernel);
    fflush(stdout);
    wait_for_end();
}
