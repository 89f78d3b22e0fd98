// thirty-two-bit: an i386 program, so that its syscall numbers mean other calls than those of a 64-bit program.
//
// Exactly 1000 getppid (64), 20 nanosleep of 1 ms (162), 1 write (4) of the JSON and 1 exit (1); no libc and no interpreter,
// so nothing else after the execve that starts it. It runs under `-- COMMAND`: no handshake.

struct old_timespec { int seconds, nanoseconds; };

// int $0x80 rather than sysenter: it needs no vDSO, and the kernel marks the call as a 32-bit one all the same.
static int call3(int number, int a, const void *b, int c) {
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

void _start(void);
void _start(void) {
    static const char json[] = "{\"program\":\"thirty-two-bit\",\"syscalls\":{\"getppid\":{\"count\":1000},"
                               "\"nanosleep\":{\"count\":20},\"write\":{\"count\":1},\"exit\":{\"count\":1}}}\n";
    struct old_timespec millisecond = {0, 1000000};
    for (int i = 0; i < 1000; i++) call3(64, 0, 0, 0);
    for (int i = 0; i < 20; i++) call3(162, (int)&millisecond, 0, 0);
    call3(4, 1, json, sizeof json - 1);
    call3(1, 0, 0, 0);
}
