// `doze`, which the compiler puts into `work`, sleeps; for as many seconds as asked for.
#include <stdlib.h>
#include <time.h>

static inline __attribute__((always_inline)) int doze(void) {
    const struct timespec length = {0, 5000000};
    return nanosleep(&length, 0);
}

__attribute__((noinline)) int work(void) {
    int result = doze();
    __asm__ volatile("" ::: "memory");
    return result + 1;
}

int main(int count, char **arguments) {
    int sum = 0;
    for (int round = 0; round < 200 * (count > 1 ? atoi(arguments[1]) : 0) + 3; round++) sum += work();
    return sum < 3;
}
