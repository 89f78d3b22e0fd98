// copied-over MODE: replaces its own code as programs do that want it in huge pages: "copied" by anonymous memory, "writable"
// by itself with write access, "shared" by a shared mapping of the file. "go" calls work() 100 times.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 4096UL

__attribute__((noinline, aligned(4096))) long work(long i) { return syscall(SYS_getppid) + i; }
__attribute__((noinline, aligned(4096))) void behind(void) { __asm__ volatile(""); }

int main(int argc, char **argv)
{
    char *code = (char *)work, copy[PAGE];
    int executable = PROT_READ | PROT_EXEC;
    if (argc > 1 && !strcmp(argv[1], "copied")) {
        memcpy(copy, code, PAGE);
        char *memory = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memcpy(memory, copy, PAGE);
        if (mprotect(memory, PAGE, executable) || mremap(memory, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, code) == MAP_FAILED) abort();
    } else if (argc > 1 && !strcmp(argv[1], "writable")) {
        if (mprotect(code, PAGE, executable | PROT_WRITE)) abort();
    } else if (argc > 1 && !strcmp(argv[1], "shared")) {
        // The file's offset of an address is found in /proc/self/maps.
        FILE *maps = fopen("/proc/self/maps", "r");
        uintptr_t start, end, offset, place = 0;
        char line[512];
        while (fgets(line, sizeof line, maps)) {
            if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && start <= (uintptr_t)code && (uintptr_t)code < end)
                place = (uintptr_t)code - start + offset;
        }
        fclose(maps);
        int file = open("/proc/self/exe", O_RDONLY);
        if (mmap(code, PAGE, executable, MAP_SHARED | MAP_FIXED, file, place) == MAP_FAILED) abort();
    }
    printf("ready %d\n", getpid());
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        for (int i = 0; i < 100; i++) work(i);
        printf("{}\n");
        fflush(stdout);
    }
}
