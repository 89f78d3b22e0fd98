// compat-calls: a 64-bit program whose thread makes 250 32-bit calls (int $0x80), among others of its own.
//
// From `go` on it makes 250 i386 chdir("/") (12: brk to a 64-bit program), 50 i386 nanosleep of 1 ms (162: sync), and 100
// getppid of its own; with an argument also 10 i386 getrandom (355, a number that no 64-bit call has). The memory that the
// 32-bit calls read lies below 4 GiB. The function that makes them is `thirty_two_bit`.
#include "workload.h"

#include <inttypes.h>
#include <sys/mman.h>

__attribute__((noinline)) static long thirty_two_bit(long number, void *first, long second, long third) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

int main(int argc, char **argv) {
    (void)argv;
    char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED) die("mmap");
    strcpy(low, "/");
    int32_t *nap = (int32_t *)(low + 64);
    nap[1] = 1000000;
    wait_for_go(getpid());
    for (int round = 0; round < 250; round++)
        if (thirty_two_bit(12, low, 0, 0)) die("chdir");
    for (int round = 0; round < 50; round++)
        if (thirty_two_bit(162, nap, 0, 0)) die("nanosleep");
    for (int round = 0; round < 100; round++) syscall(SYS_getppid);
    if (argc > 1)
        for (int round = 0; round < 10; round++)
            if (thirty_two_bit(355, low + 128, 8, 0) != 8) die("getrandom");
    report_head("compat-calls", getpid());
    printf("}\n");
    fflush(stdout);
    wait_for_end();
}
