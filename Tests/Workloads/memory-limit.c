// memory-limit [MIB [DIRECTORY]]: `reader` reads MIB mebibytes of a file, by reads of 1 MiB. Who puts it into a control group
// with less memory than that makes it free memory before it gets any (direct reclaim).
//
// The file has no blocks, so that no disk is waited for: what the reads take is the kernel's work with memory.
#include "workload.h"

#include <fcntl.h>

enum { piece = 1 << 20 };

static long mebibytes;
static int fd;

static void reader_body(struct worker *self) {
    static char bytes[piece];
    self->calls[0].name = "pread64";
    for (long i = 0; i < mebibytes; i++)
        if (clocked(&self->calls[0], SYS_pread64, fd, (long)bytes, piece, i * piece) != piece) die("pread");
}

int main(int argc, char **argv) {
    mebibytes = number_argument(argc, argv, 1, 1024);
    char path[4096];
    snprintf(path, sizeof path, "%s/memory-limit.XXXXXX", argc > 2 ? argv[2] : "/var/tmp");
    fd = mkstemp(path);
    if (fd < 0 || unlink(path) || ftruncate(fd, mebibytes * piece)) die(path);
    struct worker workers[] = {{.comm = "reader", .body = reader_body, .cpu = 0}};
    workers_start(workers, 1);
    wait_for_go(getpid());
    workers_run(workers, 1);
    report_head("memory-limit", getpid());
    report_workers(workers, 1);
    printf("}\n");
    wait_for_end();
    return 0;
}
