// A syscall in the middle of a function that no call frame information describes; what lies at the stack pointer is a local
// that is 0. Build it with -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-omit-frame-pointer.
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__attribute__((noinline)) long inner(long seconds) {
    volatile long locals[8] = {0};
    struct timespec length = {seconds, 30000000};
    long result;
    __asm__ volatile("sub $144, %%rsp; movq $0, (%%rsp); syscall; add $144, %%rsp"
                     : "=a"(result)
                     : "a"(SYS_nanosleep), "D"(&length), "S"(0)
                     : "rcx", "r11", "memory");
    return result + locals[1];
}

__attribute__((noinline)) long middle(long seconds) {
    long result = inner(seconds);
    return result + 1;
}

int main(void) {
    long sum = 0;
    for (int round = 0; round < 3; round++) sum += middle(0);
    return sum == 3 ? 0 : 1;
}
