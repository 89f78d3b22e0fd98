// Functions that a probe in the wrong place spoils. After "go" calls each 2,000 times and says how many results were wrong. x86-64, gcc -O2.
#define _SDT_HAS_SEMAPHORES 1
#include <stdio.h>
#include <stdlib.h>
#include <sys/sdt.h>
#include <unistd.h>

// A nop of five bytes, which Linux 6.18 makes a call of.
#undef _SDT_NOP
#define _SDT_NOP .nops 5

__extension__ unsigned short safety_middle_semaphore __attribute__((section(".probes")));

// Calls nobody, so that its variables lie below the stack pointer.
__attribute__((noinline)) long leaf(long i)
{
    volatile long a[8];
    a[0] = i, a[1] = i + 1, a[2] = i + 2, a[3] = i + 3, a[4] = i + 4, a[5] = i + 5, a[6] = i + 6, a[7] = i + 7;
    STAP_PROBE1(safety, middle, i);
    return a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
}

#define FUNCTION(NAME, CODE) __asm__(".globl " #NAME "\n.type " #NAME ", @function\n" #NAME ":\n" CODE "\n.size " #NAME ", .-" #NAME "\n")

// Jumps behind its nop, which is at +12: who sees the instruction there has not come past the nop.
FUNCTION(looping, "mov $8, %ecx\nxor %eax, %eax\nmov %rdi, -8(%rsp)\n.nops 5\n1: add -8(%rsp), %rax\ndec %ecx\njnz 1b\nret");
// As -fpatchable-function-entry and -mnop-mcount begin functions, and the same behind an endbr64.
FUNCTION(patchable, ".nops 5\nmov %rdi, -8(%rsp)\nmov -8(%rsp), %rax\nret");
FUNCTION(tracked, "endbr64\n.nops 5\nmov %rdi, -8(%rsp)\nmov -8(%rsp), %rax\nret");
// Begins with a nop that it jumps back to, with a variable below the stack pointer.
FUNCTION(again, ".nops 5\ncmp $7, %rdi\nja 1f\nlea 8(%rdi), %rdi\nmov %rdi, -8(%rsp)\nmov -8(%rsp), %rax\njmp again\n1: mov %rdi, %rax\nret");
// Instructions that the kernel puts no probe at: lock at +1, int3 at +7, hlt at +8.
FUNCTION(unprobeable, "push %rax\nlock incl (%rsp)\njmp 1f\nint3\nhlt\n1: pop %rax\nmov %rdi, %rax\nret");

// Labels that others can link to, which are no functions: of such a nop with a variable below the stack pointer, and inside of an instruction.
FUNCTION(marked, "mov %rdi, -8(%rsp)\n.globl mark\nmark: .nops 5\n.byte 0xb8\n.globl inside\ninside: .long 7\nmov -8(%rsp), %rax\nret");

long looping(long), patchable(long), tracked(long), again(long), unprobeable(long), marked(long);

// getppid, and two returns.
FUNCTION(returning, "mov $110, %eax\nsyscall\nmov %rdi, %rax\ntest $1, %dil\njnz 1f\nret\n1: rep ret");
long returning(long);

static long (*volatile next)(long) = returning;
__attribute__((noinline)) long leaving(long i) { return next(i); }

__attribute__((noinline)) void never(int status)
{
    printf("the end\n");
    _exit(status);
}

int main(int argc, char **argv)
{
    int calls = argc > 1 ? atoi(argv[1]) : 2000;
    if (argc > 2) never(0);
    printf("ready %d\n", getpid());
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        long wrong[8] = { 0 };
        for (long i = 0; i < calls; i++) {
            wrong[0] += leaf(i) != 8 * i + 28;
            wrong[1] += looping(i) != 8 * i;
            wrong[2] += patchable(i) != i;
            wrong[3] += tracked(i) != i || marked(i) != i;
            wrong[4] += again(i) != (i > 7 ? i : i + 8);
            wrong[5] += unprobeable(i) != i;
            wrong[6] += returning(i) != i;
            wrong[7] += leaving(i) != i;
        }
        printf("{\"wrong\": [%ld, %ld, %ld, %ld, %ld, %ld, %ld, %ld], \"semaphore\": %d}\n", wrong[0], wrong[1], wrong[2], wrong[3],
               wrong[4], wrong[5], wrong[6], wrong[7], safety_middle_semaphore);
        fflush(stdout);
    }
}
