// Copies its own code to other memory and puts the copy where the code was, as programs do that want large pages for it; then
// sleeps in functions there, at last for as many seconds as are asked for. `place` maps memory over the code, `move` moves memory
// there, `late` is `place` after it has slept where the file is mapped.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static volatile int sink;

__attribute__((noinline, section(".text.b"))) static int nap(long milliseconds) {
    const struct timespec length = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&length, 0);
    return sink;
}

__attribute__((noinline, section(".text.b"))) int inner(long milliseconds) { return nap(milliseconds) + 1; }

__attribute__((noinline, section(".text.b"))) int outer(long milliseconds) { return inner(milliseconds) + 2; }

// This, and whatever calls it, lies on pages that stay.
__attribute__((noinline)) static void replace(uint8_t *start, size_t size, int moves) {
    uint8_t *copy = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(copy, start, size);
    if (moves) {
        mprotect(copy, size, PROT_READ | PROT_EXEC);
        mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, start);
    } else {
        mmap(start, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        memcpy(start, copy, size);
        mprotect(start, size, PROT_READ | PROT_EXEC);
        munmap(copy, size);
    }
}

// Pages of the code, before and behind which others are.
__asm__(".section .text.a,\"ax\"; .balign 4096; first: .fill 4096, 1, 0x90\n"
        ".section .text.b,\"ax\"; .balign 4096; second:\n"
        ".section .text.c,\"ax\"; .balign 4096; third: .fill 8192, 1, 0x90; .text");
extern uint8_t second[], third[];

int main(int count, char **arguments) {
    const char *how = count > 1 ? arguments[1] : "place";
    const long last = count > 2 ? atol(arguments[2]) : 0;
    uint8_t *start = (uint8_t *)((uintptr_t)second & ~(uintptr_t)4095);
    uint8_t *end = (uint8_t *)((uintptr_t)third & ~(uintptr_t)4095);
    if (strcmp(how, "late") == 0) sink += outer(100);
    replace(start, (size_t)(end - start), strcmp(how, "move") == 0);
    for (int round = 0; round < 3; round++) sink += outer(20);
    printf("ready\n");
    fflush(stdout);
    sink += outer(last * 1000);
    return 0;
}
