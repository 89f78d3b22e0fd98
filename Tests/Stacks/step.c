/* step OUT STEPS STACK COMMAND...: steps through a program by single instructions, from where it stops itself first to
 * where it does so again, and writes OUT.stacks, OUT.maps and OUT.vdso as dump.py does: a stack for each step, of at most
 * STACK bytes. Prints the number of steps. Ends with the program, or after STEPS. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t read_memory(pid_t pid, uint64_t start, char *to, size_t count)
{
    size_t got = 0;
    /* By pages: a read that touches an unmapped one fails as a whole. */
    while (got < count) {
        size_t want = 4096 - ((start + got) & 4095);
        if (want > count - got) want = count - got;
        struct iovec local = { to + got, want }, remote = { (void *)(start + got), want };
        ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        if (n <= 0) break;
        got += n;
    }
    return got;
}

static void save(pid_t pid, FILE *out, size_t limit)
{
    struct user_regs_struct r;
    static char bytes[1 << 16];
    if (limit > sizeof bytes) limit = sizeof bytes;
    if (ptrace(PTRACE_GETREGS, pid, 0, &r) != 0) { perror("step: PTRACE_GETREGS"); exit(1); }
    uint64_t got = read_memory(pid, r.rsp, bytes, limit);
    uint64_t all[19] = { r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11,
                         r.r12, r.r13, r.r14, r.r15, r.rip, r.rsp, got };
    fwrite(all, sizeof all, 1, out);
    fwrite(bytes, 1, got, out);
}

static void save_maps(pid_t pid, const char *name)
{
    char path[4096], line[4096];
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *in = fopen(path, "r");
    snprintf(path, sizeof path, "%s.maps", name);
    FILE *to = fopen(path, "w");
    while (in && to && fgets(line, sizeof line, in)) {
        uint64_t start, end;
        static char bytes[1 << 16];
        fputs(line, to);
        if (!strstr(line, "[vdso]") || sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2) continue;
        size_t got = read_memory(pid, start, bytes, end - start < sizeof bytes ? end - start : sizeof bytes);
        snprintf(path, sizeof path, "%s.vdso", name);
        FILE *vdso = fopen(path, "w");
        if (vdso) { fwrite(bytes, 1, got, vdso); fclose(vdso); }
    }
    if (in) fclose(in);
    if (to) fclose(to);
}

int main(int argc, char **argv)
{
    if (argc < 5) { fprintf(stderr, "usage: step OUT STEPS STACK COMMAND...\n"); return 64; }
    char path[4096];
    long limit = atol(argv[2]), steps = 0;
    int status;
    snprintf(path, sizeof path, "%s.stacks", argv[1]);
    FILE *out = fopen(path, "w");
    if (!out) { perror(path); return 1; }
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(argv[4], argv + 4);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    /* Whatever ends this program ends the other one too. */
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, pid, 0, 0);
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) { fprintf(stderr, "step: it did not stop\n"); return 1; }
    ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    while (steps < limit && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP) {
        save(pid, out, atol(argv[3]));
        steps++;
        ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    }
    /* Libraries that it opened on the way are in the mappings by now. */
    save_maps(pid, argv[1]);
    kill(pid, SIGKILL);
    fclose(out);
    printf("%ld\n", steps);
    return 0;
}
