// A library with one function for others, NAME, that sleeps.
#include <time.h>

__attribute__((noinline)) static int nap(int x)
{
    struct timespec length = { 0, 3000000 };
    nanosleep(&length, 0);
    return x + 1;
}

__attribute__((noinline)) int NAME(int x)
{
    return nap(x) + 1;
}
