// crowd-of-processes PROCESSES THREADS: processes that come and go with their threads, each of which makes a number of
// getppid of its own. At most 8 processes live at a time. Says `ready`, waits for a line, and prints a line `PID TID COUNT` for
// each thread, the processes' first ones with 1, when all of them have ended.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { most_at_a_time = 8 };

struct life {
    int pid, tid, count;
};

static void live(struct life *life, int count) {
    life->pid = getpid();
    life->tid = (int)syscall(SYS_gettid);
    life->count = count;
    for (int i = 0; i < count; i++) syscall(SYS_getppid);
}

static void *thread_main(void *argument) {
    struct life *life = argument;
    live(life, life->count);
    return NULL;
}

static void process_main(struct life *lives, int threads) {
    live(lives, 1);
    for (int i = 1; i <= threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, thread_main, &lives[i])) abort();
        pthread_join(thread, NULL);
    }
    _exit(0);
}

int main(int argc, char **argv) {
    if (argc != 3) return 64;
    int processes = atoi(argv[1]), threads = atoi(argv[2]), each = threads + 1;
    size_t bytes = sizeof(struct life) * (size_t)(processes * each);
    struct life *lives = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (lives == MAP_FAILED) return 71;
    char line[16];
    puts("ready");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) return 0;
    int living = 0;
    for (int i = 0; i < processes; i++) {
        for (int j = 1; j <= threads; j++) lives[i * each + j].count = 1 + (i * 7 + j) % 50;
        if (living == most_at_a_time && wait(NULL) > 0) living--;
        pid_t pid = fork();
        if (pid < 0) return 71;
        if (pid == 0) process_main(&lives[i * each], threads);
        living++;
    }
    while (wait(NULL) > 0) {}
    for (int i = 0; i < processes * each; i++) printf("%d %d %d\n", lives[i].pid, lives[i].tid, lives[i].count);
    puts("end");
    fflush(stdout);
    // Those who watch end first.
    while (fgets(line, sizeof line, stdin)) {}
    return 0;
}
