#define _GNU_SOURCE
#include "threads.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t thread_id(void) { return (pid_t)syscall(SYS_gettid); }

void thread_pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof(set), &set);
}

void thread_set_name(const char *name) { prctl(PR_SET_NAME, name); }

void thread_compute(void *buffer, size_t size) { (void)!getrandom(buffer, size, 0); }
