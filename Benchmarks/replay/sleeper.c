/* sleeper DEPTH TIMES: sleeps TIMES times for a moment, with DEPTH frames of its own on the stack, without frame pointers. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile int sum;

static __attribute__((noinline)) void nap(int times)
{
	struct timespec moment = {0, 1000};

	for (int i = 0; i < times; i++)
		nanosleep(&moment, NULL);
}

/* Frames of different sizes, none of which ends in a jump. */
#define LEVEL(name, next, size)                                \
	static __attribute__((noinline)) int name(int depth, int times) \
	{                                                      \
		char local[size];                              \
		memset(local, depth, sizeof local);            \
		if (depth <= 0)                                \
			nap(times);                            \
		else                                           \
			sum += next(depth - 1, times);         \
		return local[sum % sizeof local];              \
	}

static int first(int depth, int times);
LEVEL(third, first, 72)
LEVEL(second, third, 24)
LEVEL(first, second, 8)

int main(int count, char **arguments)
{
	int depth = count > 1 ? atoi(arguments[1]) : 1;
	int times = count > 2 ? atoi(arguments[2]) : 1;

	return first(depth - 1, times) == -1;
}
