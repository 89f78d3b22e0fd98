/* two-programs: work with known answers for recordings of a whole machine.
 *
 *   two-programs ROUNDS FIFO
 *
 * Starts `alpha` and `beta`, and prints their process ids. Each of their threads
 * waits until it can read a byte from FIFO, which `two-programs go FIFO` writes,
 * and both run at the same time then. alpha has a second thread, `alpha-helper`, that was there from
 * the beginning; its first thread calls getppid ROUNDS times, and the helper
 * getpgrp ROUNDS times, each with a pause in between. Half-way alpha starts one
 * thread more, `alpha-late`, which calls getsid ROUNDS times. beta calls getuid
 * 2 × ROUNDS times and starts a child half-way.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int rounds, fifo;

static void wait_for_go(void) {
    char byte;
    if (read(fifo, &byte, 1) != 1) _exit(1);
}

static void call(long number, int count) {
    for (int i = 0; i < count; i++) {
        syscall(number, 0);
        if (i % 4 == 3) usleep(500);
    }
}

static void *helper(void *unused) {
    prctl(PR_SET_NAME, "alpha-helper");
    wait_for_go();
    call(SYS_getpgrp, rounds);
    return unused;
}

static void *late(void *unused) {
    prctl(PR_SET_NAME, "alpha-late");
    call(SYS_getsid, rounds);
    return unused;
}

static int alpha(void) {
    pthread_t threads[2];
    prctl(PR_SET_NAME, "alpha");
    pthread_create(&threads[0], NULL, helper, NULL);
    wait_for_go();
    call(SYS_getppid, rounds / 2);
    pthread_create(&threads[1], NULL, late, NULL);
    call(SYS_getppid, rounds - rounds / 2);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    return 0;
}

static int beta(void) {
    prctl(PR_SET_NAME, "beta");
    wait_for_go();
    call(SYS_getuid, rounds);
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_getuid);
        _exit(0);
    }
    call(SYS_getuid, rounds);
    waitpid(child, NULL, 0);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    fifo = open(argv[2], O_RDWR);
    if (fifo < 0) return 1;
    if (strcmp(argv[1], "go") == 0) {
        if (write(fifo, "123", 3) != 3) return 1;
        sleep(1);
        return 0;
    }
    rounds = atoi(argv[1]);
    pid_t pids[2];
    for (int i = 0; i < 2; i++) {
        pids[i] = fork();
        if (pids[i] == 0) return i == 0 ? alpha() : beta();
    }
    printf("alpha %d beta %d rounds %d\n", pids[0], pids[1], rounds);
    fflush(stdout);
    for (int i = 0; i < 2; i++) waitpid(pids[i], NULL, 0);
    return 0;
}
