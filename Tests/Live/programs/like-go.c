// Has the section that every program of Go has, and a function that it leaves by a jump.
#include <stdio.h>
#include <unistd.h>

__attribute__((section(".go.buildinfo"), used)) static const char information[16] = "\xff Go buildinf:";

__attribute__((noinline)) long returning(long i) { __asm__ volatile("" ::: "memory"); return i + getppid(); }
static long (*volatile next)(long) = returning;
__attribute__((noinline)) long leaving(long i) { return next(i); }

int main(void)
{
    printf("ready %d\n", getpid());
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        for (int i = 0; i < 10; i++) leaving(i);
        printf("{}\n");
        fflush(stdout);
    }
}
