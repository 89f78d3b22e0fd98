// Two processes on CPU 0 that hand each other a byte, and compute in between: so many switches, at a rate that the computing sets.
//
// usage: ping-pong ROUND_TRIPS SPINS
//
// Prints the nanoseconds of one switch, computing included.
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void compute(long spins) {
  for (volatile long spin = 0; spin < spins; spin++) {}
}

static void play(int in, int out, long trips, long spins) {
  char byte = 0;
  for (long trip = 0; trip < trips; trip++) {
    if (read(in, &byte, 1) != 1) exit(1);
    compute(spins);
    if (write(out, &byte, 1) != 1) exit(1);
  }
}

int main(int count, char **arguments) {
  if (count != 3) return 64;
  long trips = atol(arguments[1]), spins = atol(arguments[2]);
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof first, &first);
  int there[2], back[2];
  if (pipe(there) != 0 || pipe(back) != 0) return 1;
  pid_t child = fork();
  if (child == 0) {
    play(there[0], back[1], trips, spins);
    return 0;
  }
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  char byte = 0;
  if (write(there[1], &byte, 1) != 1) return 1;
  play(back[0], there[1], trips - 1, spins);
  if (read(back[0], &byte, 1) != 1) return 1;
  clock_gettime(CLOCK_MONOTONIC, &end);
  waitpid(child, NULL, 0);
  double length = (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
  printf("%.1f\n", length / (2.0 * trips));
  return 0;
}
