// ticks FILE [MICROSECONDS]: calls getppid once in so many microseconds (1000), and keeps the clock before and after each call in
// FILE, two numbers of 8 bytes of ns (CLOCK_MONOTONIC). The file is mapped: it has them whatever ends the program, or a watcher.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { most = 1 << 20 };

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int main(int count, char **arguments) {
    int file = count > 1 ? open(arguments[1], O_RDWR | O_CREAT | O_TRUNC, 0600) : -1;
    useconds_t pause = count > 2 ? (useconds_t)atoi(arguments[2]) : 1000;
    if (file < 0 || ftruncate(file, most * 16)) return 1;
    volatile uint64_t *times = mmap(NULL, most * 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (times == MAP_FAILED) return 1;
    puts("ready");
    fflush(stdout);
    for (int tick = 0; tick < most; tick++) {
        times[2 * tick] = now();
        syscall(SYS_getppid);
        times[2 * tick + 1] = now();
        usleep(pause);
    }
    return 0;
}
