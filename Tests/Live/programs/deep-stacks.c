// deep-stacks HOW: stands at a depth of its stack that was reached in one of many ways; says "ready" there.
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <immintrin.h>
#include <sys/prctl.h>
#ifdef __clang__
#define KEEP __attribute__((noinline))
#else
#define KEEP __attribute__((noinline, noclone, noipa))
#endif
typedef int (*callback)(int);
int through_library(callback f, int x);
volatile int zero, sink;

KEEP int hold(int x)
{
    puts("ready");
    fflush(stdout);
    while (!zero) pause();
    return x + 1;
}
KEEP int deep(int n) { return n == 0 ? hold(n) + 1 : deep(n - 1) + n; }
KEEP int with_alloca(int n)
{
    char *p = alloca(n * 16 + 1);
    memset(p, n, n * 16);
    return (n == 0 ? hold(n) : with_alloca(n - 1)) + p[zero];
}
KEEP __attribute__((force_align_arg_pointer)) int forced(int n) { volatile char a[40]; a[0] = n; return hold(n) + a[0]; }
KEEP int aligned(int n)
{
    _Alignas(128) volatile char a[256];
    a[n] = n;
    return (n == 0 ? forced(n) : aligned(n - 1)) + a[n];
}
KEEP int aligned_alloca(int n, int a1, int a2, int a3, int a4, int a5, int a6, int a7)
{
    _Alignas(64) volatile char a[64];
    char *p = alloca(n + 1);
    p[n] = a7; a[n] = 1;
    return (n == 0 ? aligned(2) : aligned_alloca(n - 1, a1, a2, a3, a4, a5, a6, a7)) + p[n] + a[n] + a6 + a7;
}
KEEP __attribute__((target("avx"))) double avx(const double *d, int n)
{
    __m256d a[4];
    for (int i = 0; i < 4; i++) a[i] = _mm256_loadu_pd(d + i);
    sink = hold(n);
    volatile __m256d r = _mm256_add_pd(a[sink & 3], a[n & 3]);
    return r[0];
}
static int compare(const void *a, const void *b) { if (zero == 0) hold(0); return *(int *)a - *(int *)b; }
KEEP int sorted(void) { int a[5] = { 5, 3, 1, 4, 2 }; qsort(a, 5, 4, compare); return a[zero]; }
KEEP int tail_target(int n) { return hold(n) + 2; }
KEEP int tail_caller(int n) { return tail_target(n + 1); }
KEEP int tail(int n) { return tail_caller(n) + 3; }
static void handler(int s) { sink = hold(s); }
KEEP int signalled(int on_stack)
{
    static char other[65536];
    stack_t stack = { .ss_sp = other, .ss_size = sizeof other };
    struct sigaction action = { .sa_handler = handler, .sa_flags = on_stack ? SA_ONSTACK : 0 };
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    return raise(SIGUSR1) + 1;
}
KEEP int faulted(int n)
{
    struct sigaction action = { .sa_handler = handler };
    sigaction(SIGSEGV, &action, NULL);
    return *(volatile int *)(long)zero + n;
}
KEEP int bad_call(int n)
{
    struct sigaction action = { .sa_handler = handler };
    sigaction(SIGSEGV, &action, NULL);
    return ((callback)(long)zero)(n) + n;
}
static void *thread(void *x) { sink = deep(3); return x; }
KEEP int threaded(void) { pthread_t t; pthread_create(&t, NULL, thread, NULL); return pthread_join(t, NULL) + 1; }
static int last(void) { return 0; }
KEEP __attribute__((noreturn)) void never(int n) { sink = hold(n); exit(last()); }
/* The return address of the call is the next function's first byte. */
KEEP int ends_in_call(int n) { if (n) never(n); return 1; }
KEEP int stepped(void)
{
    struct timespec now;
    char text[200];
    raise(SIGSTOP);
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "%s %d %f", "text", 42, (double)now.tv_nsec);
    sink = strlen(text) + (int)time(NULL);
    int a[5] = { 5, 3, 1, 4, 2 };
    zero = 1;
    qsort(a, 5, 4, compare);
    sink = through_library(tail_caller, 1);
    sink = avx((double[8]){ 1, 2 }, 3) + aligned_alloca(1, 1, 2, 3, 4, 5, 6, 7) + with_alloca(3);
    free(strdup("text"));
    getenv("HOME");
    return raise(SIGSTOP);
}
int main(int c, char **v)
{
    const char *how = v[1];
    sigset_t none;
    sigemptyset(&none);
    /* The test's threads block signals. */
    sigprocmask(SIG_SETMASK, &none, NULL);
    alarm(240);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    double d[8] = { 1 };
    if (!strcmp(how, "deep")) return deep(20);
    if (!strcmp(how, "alloca")) return with_alloca(5);
    if (!strcmp(how, "aligned")) return aligned_alloca(3, 1, 2, 3, 4, 5, 6, 7);
    if (!strcmp(how, "avx")) return avx(d, c);
    if (!strcmp(how, "qsort")) return sorted();
    if (!strcmp(how, "library")) return through_library(deep, 3);
    if (!strcmp(how, "tail")) return tail(c);
    if (!strcmp(how, "signal")) return signalled(0);
    if (!strcmp(how, "sigaltstack")) return signalled(1);
    if (!strcmp(how, "fault")) return faulted(c);
    if (!strcmp(how, "badcall")) return bad_call(c);
    if (!strcmp(how, "thread")) return threaded();
    if (!strcmp(how, "noreturn")) return ends_in_call(c);
    if (!strcmp(how, "step")) { sink = stepped(); return sink; }
    return 3;
}
