// own-code: a program of which several make, with -DNAME=… and -DCALLS=…, that have functions at different addresses. Says
// `ready`, and for each line on stdin does what its letters say and says `done`:
//
//   w  calls window_begin(), makes CALLS getppid and calls window_end()
//   n  sleeps for 3 ms in NAME()
//   m  sleeps for 3 ms below code that it has made at a fixed address, and that /tmp/perf-PID.map calls made_by_NAME
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TEXT(name) #name
#define AS_TEXT(name) TEXT(name)

__attribute__((noinline)) void window_begin(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline)) void window_end(void) { __asm__ volatile("" ::: "memory"); }

__attribute__((noinline)) int NAME(int x) {
    struct timespec length = {0, 3000000};
    nanosleep(&length, NULL);
    return x + CALLS;
}

// Something before main, so that the same function is elsewhere in each program.
__attribute__((noinline, used)) static void filler(void) { __asm__ volatile(".skip 64 * " AS_TEXT(CALLS) ", 0x90"); }

static int (*made(void))(int, int (*)(int)) {
    // push %rbp; mov %rsp,%rbp; call *%rsi; pop %rbp; ret
    static const unsigned char code[] = {0x55, 0x48, 0x89, 0xE5, 0xFF, 0xD6, 0x5D, 0xC3};
    static unsigned char *page;
    if (!page) {
        page = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        memcpy(page + 64, code, sizeof code);
        char path[64];
        snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
        FILE *map = fopen(path, "w");
        fprintf(map, "%lx %zx made_by_%s\n", (unsigned long)page + 64, sizeof code, AS_TEXT(NAME));
        fclose(map);
    }
    return (int (*)(int, int (*)(int)))(page + 64);
}

int main(void) {
    char line[64];
    volatile int result = 0;
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        for (const char *at = line; *at > ' '; at++) {
            if (*at == 'w') {
                window_begin();
                for (int i = 0; i < CALLS; i++) syscall(SYS_getppid);
                window_end();
            } else if (*at == 'n') {
                result = NAME(result);
            } else if (*at == 'm') {
                result = made()(result, NAME);
            }
        }
        puts("done");
        fflush(stdout);
    }
    return 0;
}
