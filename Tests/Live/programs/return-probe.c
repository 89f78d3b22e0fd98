// Functions whose return can only be waited for at their return address, as they end by a jump to another function, and that
// sleep: `work`, which recurses, called from two callsites; and `jumps`, which ends in `work`.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile int sink;

__attribute__((noinline)) static int nap(int rounds) {
    const struct timespec length = {0, 3000000};
    nanosleep(&length, 0);
    return rounds + sink;
}

__attribute__((noinline, optimize("optimize-sibling-calls"))) int ending(int depth) {
    sink++;
    return nap(depth);
}

__attribute__((noinline, optimize("optimize-sibling-calls"))) int work(int depth) {
    if (depth > 0) sink += work(depth - 1) + 1;
    return ending(depth);
}

__attribute__((noinline)) int first(int depth) { return work(depth) + 1; }

__attribute__((noinline)) int second(int depth) { return work(depth) + 2; }

int main(int count, char **arguments) {
    const int rounds = count > 1 ? atoi(arguments[1]) : 3;
    for (int round = 0; round < rounds; round++) {
        sink += first(2);
        sink += second(1);
    }
    printf("%d\n", sink > 0);
    return 0;
}
