/* calls N [MS [END_MS]]: waits MS milliseconds, calls `work` N times, waits END_MS milliseconds and ends. What `work` returns
 * looks like -EINVAL. */
#include <stdlib.h>
#include <unistd.h>

__attribute__((noinline)) int work(int round) {
    __asm__ volatile("" : : "r"(round));
    return -22;
}

int main(int count, char **arguments) {
    int rounds = count > 1 ? atoi(arguments[1]) : 1, sum = 0;
    if (count > 2) usleep(1000u * (unsigned)atoi(arguments[2]));
    for (int round = 0; round < rounds; round++) sum += work(round);
    if (count > 3) usleep(1000u * (unsigned)atoi(arguments[3]));
    return sum == 1;
}
