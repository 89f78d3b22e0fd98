/* What reading the ring buffer costs per event: read(2) of trace_pipe_raw against the mapped buffer of Linux 6.10.
 *
 * usage: read-or-map read|map SUB_BUFFER_KIB SECONDS [CPU]
 *
 * A child pinned to CPU (default 0) calls getppid as fast as it can, with raw_syscalls recorded; this process drains
 * that CPU every 10 ms from another CPU, walks the records as a decoder would, and prints its own CPU time per event,
 * the events that it read, and those that the kernel says were overwritten. Makes an instance of its own. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* include/uapi/linux/trace_mmap.h, which older headers lack */
struct buffer_meta {
	uint32_t meta_page_size, meta_struct_len, subbuf_size, nr_subbufs;
	struct { uint64_t lost_events; uint32_t id, read; } reader;
	uint64_t flags, entries, overrun, read, reserved1, reserved2;
};
#define GET_READER _IO('R', 0x20)

static char instance[256];

static int put(const char *file, const char *text)
{
	char path[512];
	int fd, ok;

	snprintf(path, sizeof(path), "%s/%s", instance, file);
	fd = open(path, O_WRONLY | O_TRUNC);
	ok = fd >= 0 && write(fd, text, strlen(text)) >= 0;
	if (!ok)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* counts data records between two offsets of a page */
static uint64_t walk(const char *data, size_t start, size_t end, uint64_t *sum)
{
	uint64_t events = 0;
	size_t at = start;

	while (at + 4 <= end) {
		uint32_t head, type, word, length;

		memcpy(&head, data + at, 4);
		type = head & 31;
		at += 4;
		if (type && type < 29) {
			length = type * 4;
		} else {
			memcpy(&word, data + at, 4);
			if (type == 29 && !(head >> 5))
				break;
			length = type == 29 || type == 0 ? (word + 3) & ~3u : 4;
			if (type >= 29) {
				at += length;
				continue;
			}
		}
		*sum += data[at + 8];
		at += length;
		events++;
	}
	return events;
}

int main(int argc, char **argv)
{
	int map = argc > 1 && !strcmp(argv[1], "map"), kib = argc > 2 ? atoi(argv[2]) : 64;
	int seconds = argc > 3 ? atoi(argv[3]) : 3, cpu = argc > 4 ? atoi(argv[4]) : 0, pipe_fd;
	size_t size = (size_t)kib * 1024, offset = 16;
	uint64_t events = 0, sum = 0, lost = 0, last_id = ~0ull;
	struct buffer_meta *meta = NULL;
	char *buffer = malloc(size), *pages = NULL, text[512];
	struct rusage use;
	time_t end;
	cpu_set_t set;
	pid_t child;

	snprintf(instance, sizeof(instance), "/sys/kernel/tracing/instances/read-or-map-%d", getpid());
	if (mkdir(instance, 0700))
		return perror(instance), 1;
	child = fork();
	if (!child) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
		for (;;)
			syscall(SYS_getppid);
	}
	put("tracing_on", "0");
	put("trace_clock", "mono");
	snprintf(text, sizeof(text), "%d", kib);
	put("buffer_subbuf_size_kb", text);
	put("buffer_size_kb", "32768");
	snprintf(text, sizeof(text), "%d", child);
	put("set_event_pid", text);
	put("events/raw_syscalls/enable", "1");
	snprintf(text, sizeof(text), "%s/per_cpu/cpu%d/trace_pipe_raw", instance, cpu);
	pipe_fd = open(text, O_RDONLY | O_NONBLOCK);
	if (map) {
		meta = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, pipe_fd, 0);
		if (meta == MAP_FAILED) {
			perror("mmap");
			goto out;
		}
		size_t meta_size = meta->meta_page_size, count = meta->nr_subbufs;

		munmap(meta, getpagesize());
		meta = mmap(NULL, meta_size + count * size, PROT_READ, MAP_SHARED, pipe_fd, 0);
		if (meta == MAP_FAILED) {
			perror("mmap");
			goto out;
		}
		pages = (char *)meta + meta_size;
	}
	put("tracing_on", "1");
	for (end = time(NULL) + seconds; time(NULL) < end; usleep(10000)) {
		if (map) {
			for (;;) {
				const char *page;
				uint64_t commit;

				if (ioctl(pipe_fd, GET_READER))
					break;
				page = pages + meta->reader.id * size;
				memcpy(&commit, page + 8, 8);
				commit &= 0xfffff;
				if (meta->reader.id != last_id) {
					last_id = meta->reader.id;
					offset = 16;
					lost += meta->reader.lost_events;
				}
				events += walk(page, offset, 16 + commit, &sum);
				offset = 16 + commit;
				/* a partly filled page: the writer is in it */
				if (commit + 600 < size)
					break;
			}
		} else {
			size_t page_bytes = 0;
			ssize_t got;

			while ((got = read(pipe_fd, buffer, size)) > 0) {
				uint64_t commit;

				memcpy(&commit, buffer + 8, 8);
				events += walk(buffer, 16, 16 + (commit & 0xfffff), &sum);
				page_bytes = offset - 16 + (commit & 0xfffff);
				if (page_bytes + 600 < size) {
					offset = 16 + page_bytes;
					break;
				}
				offset = 16;
			}
		}
	}
	put("tracing_on", "0");
	getrusage(RUSAGE_SELF, &use);
	printf("%s %d KiB: %.1f ns of CPU per event (user %.1f, system %.1f), %lu events, %lu lost\n", argv[1], kib,
	       (use.ru_utime.tv_sec * 1e9 + use.ru_utime.tv_usec * 1e3 + use.ru_stime.tv_sec * 1e9 + use.ru_stime.tv_usec * 1e3) / events,
	       (use.ru_utime.tv_sec * 1e9 + use.ru_utime.tv_usec * 1e3) / events,
	       (use.ru_stime.tv_sec * 1e9 + use.ru_stime.tv_usec * 1e3) / events, events, lost);
out:
	if (pages)
		munmap(meta, 0);
	close(pipe_fd);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (pages) {
		/* the mapping pins the instance: it goes with this process */
		if (fork())
			_exit(0);
		usleep(200000);
	}
	return rmdir(instance) != 0;
}
