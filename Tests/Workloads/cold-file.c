// cold-file [PAGES [DIRECTORY]]: `reader` reads a byte of each page of a mapped file, none of which is in memory: a page fault
// that waits for the disk for each, since the kernel is told not to read ahead.
//
// `touch` has how long the accesses took, `major` the kernel's count of those that waited (getrusage), `file` the file's path.
#include "workload.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { page = 4096 };

static long pages;
static volatile char *memory;
static struct call touch = {.name = "touch"};
static long major_faults;

__attribute__((noinline)) static int touch_page(long index) {
    uint64_t begin = now_ns();
    int value = memory[index * page];
    uint64_t took = now_ns() - begin;
    touch.count++;
    touch.total_ns += took;
    if (took > touch.max_ns) touch.max_ns = took;
    if (touch.count == 1 || took < touch.min_ns) touch.min_ns = took;
    return value;
}

static long majors(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage)) die("getrusage");
    return usage.ru_majflt;
}

static void reader_body(struct worker *self) {
    (void)self;
    long before = majors();
    int sum = 0;
    for (long i = 0; i < pages; i++) sum += touch_page(i);
    major_faults = majors() - before;
    if (sum != pages) die("the file's content");
}

static int cold_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    char bytes[page];
    if (fd < 0) die(path);
    memset(bytes, 1, sizeof bytes);
    for (long i = 0; i < pages; i++)
        if (write(fd, bytes, sizeof bytes) != sizeof bytes) die(path);
    if (fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)) die(path);
    return fd;
}

int main(int argc, char **argv) {
    pages = number_argument(argc, argv, 1, 500);
    char path[4096];
    snprintf(path, sizeof path, "%s/cold-file.%d", argc > 2 ? argv[2] : "/var/tmp", (int)getpid());
    int fd = cold_file(path);
    void *mapped = mmap(NULL, (size_t)pages * page, PROT_READ, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED || madvise(mapped, (size_t)pages * page, MADV_RANDOM)) die("mmap");
    memory = mapped;
    struct worker workers[] = {{.comm = "reader", .body = reader_body, .cpu = 0}};
    workers_start(workers, 1);
    wait_for_go(getpid());
    workers_run(workers, 1);
    report_head("cold-file", getpid());
    printf(",\"pages\":%ld,\"major\":%ld,\"file\":\"%s\",", pages, major_faults, path);
    report_call(&touch);
    report_workers(workers, 1);
    printf("}\n");
    wait_for_end();
    unlink(path);
    return 0;
}
