// A library with one function, NAME, that sleeps.
#include <time.h>

__attribute__((noinline)) int NAME(int x)
{
    struct timespec length = { 0, 3000000 };
    nanosleep(&length, 0);
    return x + 1;
}
