// plugin-host FIRST SECOND [ROUNDS]: five times loads each library, calls its function and unloads it, so that the second is
// mapped where the first one was; with ROUNDS as many times, and keeps them loaded. Then calls a function that it makes itself, and tells of it in /tmp/perf-PID.map.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

__attribute__((noinline)) static int nap(int x)
{
    struct timespec length = { 0, 3000000 };
    nanosleep(&length, 0);
    return x + 1;
}

static void use(const char *path, const char *name, int keep)
{
    void *library = dlopen(path, RTLD_NOW);
    int (*function)(int) = (int (*)(int))dlsym(library, name);
    volatile int result = function(1);
    (void)result;
    if (!keep) dlclose(library);
}

int main(int argc, char **argv)
{
    // push %rbp; mov %rsp,%rbp; call *%rsi; pop %rbp; ret
    static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xE5, 0xFF, 0xD6, 0x5D, 0xC3 };
    char path[64];
    if (argc < 3) return 1;
    int keep = argc > 3, rounds = keep ? atoi(argv[3]) : 5;
    for (int i = 0; i < rounds; i++) {
        use(argv[1], "first_function", keep);
        use(argv[2], "second_function", keep);
    }
    unsigned char *made = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(made + 64, code, sizeof code);
    snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
    FILE *map = fopen(path, "w");
    fprintf(map, "%lx %zx made_function\n", (unsigned long)made + 64, sizeof code);
    fclose(map);
    volatile int result = ((int (*)(int, int (*)(int)))(made + 64))(1, nap);
    (void)result;
    // The report, which is made after the end, names the code by it; a caller cleans up.
    return 0;
}
