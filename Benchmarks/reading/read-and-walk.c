/* The least that reading an instance can cost: read(2) of its ring buffers, and a walk over their records.
 *
 * usage: read-and-walk INSTANCE_DIRECTORY SUB_BUFFER_BYTES
 *
 * Reads each CPU's trace_pipe_raw every 10 ms, looks into every record as a decoder has to, and keeps nothing. Ends with its
 * standard input, after one more round; prints its own CPU time per event, user and system. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CPUS 1024

/* Counts data records; the format is that of include/linux/ring_buffer.h. */
static uint64_t walk(const char *data, size_t end, uint64_t *sum)
{
	uint64_t events = 0;
	size_t at = 16;

	while (at + 8 <= end) {
		uint32_t head, word, type, length;

		memcpy(&head, data + at, 4);
		memcpy(&word, data + at + 4, 4);
		type = head & 31;
		if (type == 29) {
			if (!(head >> 5))
				break;
			at += 4 + word;
			continue;
		}
		if (type > 29) {
			at += 8;
			continue;
		}
		length = type ? type * 4 : (word + 3) & ~3u;
		*sum += word;
		at += 4 + length;
		events++;
	}
	return events;
}

int main(int argc, char **argv)
{
	static int pipes[CPUS];
	size_t size = argc > 2 ? (size_t)atol(argv[2]) : 0;
	uint64_t events = 0, sum = 0;
	int cpu, cpus = 0, last = 0;
	struct rusage use;
	double cost;
	char *page;

	if (size < 4096 || !(page = aligned_alloc(4096, size)))
		return fprintf(stderr, "usage: read-and-walk INSTANCE_DIRECTORY SUB_BUFFER_BYTES\n"), 64;
	for (cpu = 0; cpu < CPUS; cpu++) {
		char path[4096];
		int fd;

		snprintf(path, sizeof(path), "%s/per_cpu/cpu%d/trace_pipe_raw", argv[1], cpu);
		fd = open(path, O_RDONLY | O_NONBLOCK);
		if (fd >= 0)
			pipes[cpus++] = fd;
	}
	if (!cpus)
		return perror(argv[1]), 1;
	puts("ready");
	fflush(stdout);
	while (!last) {
		struct pollfd input = { .fd = 0, .events = POLLIN };

		last = poll(&input, 1, 10) > 0;
		for (cpu = 0; cpu < cpus; cpu++) {
			ssize_t got;
			size_t end;

			/* A page that is not full is being written: reading on would chase its writer. */
			while ((got = read(pipes[cpu], page, size)) > 16) {
				uint64_t commit;

				memcpy(&commit, page + 8, 8);
				end = 16 + (commit & 0xfffff);
				events += walk(page, end < (size_t)got ? end : (size_t)got, &sum);
				if (!last && end + 600 < size)
					break;
			}
		}
	}
	getrusage(RUSAGE_SELF, &use);
	cost = use.ru_utime.tv_sec * 1e9 + use.ru_utime.tv_usec * 1e3 + use.ru_stime.tv_sec * 1e9 + use.ru_stime.tv_usec * 1e3;
	printf("%llu events, %.1f ns each (%llu)\n", (unsigned long long)events, events ? cost / events : 0,
	       (unsigned long long)sum);
	return 0;
}
