// A program whose first thread ends at once, while two others go on: one calls step, which makes a system call and sleeps a
// little, and one waits for the end of stdin, which ends the program.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

__attribute__((noinline)) void step(void) {
  struct timespec pause = {0, 2000000};
  syscall(SYS_getppid);
  nanosleep(&pause, 0);
}

static void *work(void *unused) {
  (void)unused;
  prctl(PR_SET_NAME, "stepper");
  for (;;) step();
}

static void *wait_for_end(void *unused) {
  char byte;
  (void)unused;
  prctl(PR_SET_NAME, "waiter");
  while (read(0, &byte, 1) > 0) {}
  exit(0);
}

int main(void) {
  pthread_t thread;
  pthread_create(&thread, 0, work, 0);
  pthread_create(&thread, 0, wait_for_end, 0);
  pthread_exit(0);
}
