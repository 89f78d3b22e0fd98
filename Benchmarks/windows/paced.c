// paced: some 100,000 events a second: each millisecond 48 times getppid, and a sleep. Another thread sleeps all the time. Prints
// the mean time of a getppid since the last time, ns, when a line comes on stdin.
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *sleep_for_good(void *nothing) {
    for (;;) pause();
    return nothing;
}

int main(void) {
    pthread_t sleeper;
    pthread_create(&sleeper, NULL, sleep_for_good, NULL);
    uint64_t next = now_ns(), spent = 0, calls = 0;
    printf("ready %d\n", getpid());
    fflush(stdout);
    for (uint64_t turn = 0;; turn++) {
        uint64_t begin = now_ns();
        for (int i = 0; i < 48; i++) syscall(SYS_getppid);
        spent += now_ns() - begin;
        calls += 48;
        next += 1000000;
        struct timespec until = {.tv_sec = (time_t)(next / 1000000000u), .tv_nsec = (long)(next % 1000000000u)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        struct pollfd in = {.fd = 0, .events = POLLIN};
        if (turn % 100 || poll(&in, 1, 0) <= 0) continue;
        char line[16];
        if (read(0, line, sizeof line) <= 0) return 0;
        printf("%.1f\n", (double)spent / (double)calls);
        fflush(stdout);
        spent = calls = 0;
    }
}
