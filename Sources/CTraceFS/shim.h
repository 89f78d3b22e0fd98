#ifndef KDELAY_CTRACEFS_SHIM_H
#define KDELAY_CTRACEFS_SHIM_H

/* What Swift cannot express: variadic and unavailable C functions, and macros that are no constants. Nothing is linked: tracefs
 * is files, and is written to as such (see MountedTracefs, which says why libtracefs is not used). */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* fork() is unavailable to Swift, and only async-signal-safe calls may follow it here.
 *
 * Starts ARGV in a child that waits, before its exec, until a byte arrives on the descriptor GO; the exec's errno is
 * written to the descriptor FAILED, which closes without a byte where the exec worked. The child dies with the
 * calling thread (PR_SET_PDEATHSIG). Returns the child's pid, -1 with errno on failure. */
static inline pid_t kdelay_spawn_waiting(const char *path, char *const argv[], int go, int failed)
{
	pid_t parent = getpid();
	pid_t child = fork();
	sigset_t none;
	char byte;
	int error;

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (getppid() != parent || read(go, &byte, 1) != 1)
		_exit(127);
	execv(path, argv);
	error = errno;
	if (write(failed, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

/* Swift does not see the macro, whose type it cannot tell. */
static const uint32_t KDELAY_TRACEFS_MAGIC = TRACEFS_MAGIC;

/* O_PATH is hidden from Swift by feature macros. Gives descriptors 0 to 2 something where they are closed that, like a closed
 * descriptor, can be neither read nor written, and that an exec closes again. */
static inline void kdelay_fill_standard_descriptors(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/", __O_PATH | O_CLOEXEC);
}

/* O_TMPFILE is hidden from Swift by feature macros. Opens a file without a name in DIRECTORY. Returns a descriptor, -1 with
 * errno on failure. */
static inline int kdelay_open_unnamed(const char *directory)
{
	return open(directory, __O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
}

/* O_DIRECT is hidden from Swift by feature macros. Lets writes to FD go past the page cache, or no longer. Returns whether that is so
 * now. */
static inline bool kdelay_set_direct(int fd, bool direct)
{
	return fcntl(fd, F_SETFL, direct ? __O_DIRECT : 0) == 0;
}

/* SEEK_DATA (3) and SEEK_HOLE (4) are hidden from Swift by feature macros. Returns where data begin in FD at or behind OFFSET, and
 * sets END to where they end; -1 where there are none. */
static inline int64_t kdelay_next_data(int fd, int64_t offset, int64_t *end)
{
	int64_t start = lseek(fd, offset, 3);

	*end = start < 0 ? -1 : lseek(fd, start, 4);
	return start;
}

/* memfd_create is hidden from Swift by feature macros; 1 is MFD_CLOEXEC. Opens a file that is memory alone. Returns a
 * descriptor, -1 with errno on failure. */
static inline int kdelay_memory_file(void)
{
	return (int)syscall(SYS_memfd_create, "kdelay-ftrace", 1u);
}

/* pipe2 is hidden from Swift by feature macros. */
static inline int kdelay_pipe(int ends[2])
{
	int status = pipe(ends);

	if (status == 0) {
		fcntl(ends[0], F_SETFD, FD_CLOEXEC);
		fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	}
	return status;
}

/* Swift cannot set bit fields. Opens a perf event of this process that takes user registers, user stack and callchain with
 * each sample, and closes it again. Returns 0, or the errno. */
static inline int kdelay_try_stack_samples(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.sample_period = 1000000000,
		.sample_type = PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER | PERF_SAMPLE_CALLCHAIN,
		.disabled = 1,
		.sample_regs_user = 1,
		.sample_stack_user = 4096,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* What kernels differ in. */
enum {
	KDELAY_PERF_BUILD_ID = 1,	/* MMAP2 carries the file's build id (5.12) */
	KDELAY_PERF_THREADS_ONLY = 2,	/* child processes do not inherit (5.13) */
	KDELAY_PERF_COUNT_LOST = 4,	/* reading the event says how many of its samples were lost (6.0) */
};

/* An enumerator, which the preprocessor cannot ask for; older headers lack it. */
#define KDELAY_PERF_FORMAT_LOST (1 << 4)

/* Swift cannot set bit fields. An event that samples a task and all that it creates from then on, enabled at once. */
struct kdelay_perf_request {
	uint32_t type;
	uint64_t config;
	uint64_t period;
	uint64_t sample_type;
	uint64_t user_registers;
	uint32_t user_stack;
	uint16_t frames;		/* of the call chain, kernel and user together */
	bool exclude_user;
	bool exclude_kernel_frames;
	bool exclude_user_frames;
	bool has_records;	/* MMAP2, COMM, FORK and EXIT as well */
	bool has_data_records;	/* MMAP2 of what is no code too */
	uint32_t features;
};

/* The attributes that it is opened with. */
static inline struct perf_event_attr kdelay_perf_attributes(const struct kdelay_perf_request *request)
{
	struct perf_event_attr attr = {
		.type = request->type,
		.size = sizeof(attr),
		.config = request->config,
		.sample_period = request->period,
		.sample_type = request->sample_type,
		.sample_regs_user = request->user_registers,
		.sample_stack_user = request->user_stack,
		.sample_max_stack = request->frames,
		.inherit = 1,
		.exclude_user = request->exclude_user,
		.exclude_callchain_kernel = request->exclude_kernel_frames,
		.exclude_callchain_user = request->exclude_user_frames,
		.mmap = request->has_records,
		.mmap2 = request->has_records,
		.mmap_data = request->has_records && request->has_data_records,
		.comm = request->has_records,
		.comm_exec = request->has_records,
		.task = request->has_records,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.build_id = request->has_records && (request->features & KDELAY_PERF_BUILD_ID),
		.inherit_thread = !!(request->features & KDELAY_PERF_THREADS_ONLY),
	};

	if (request->features & KDELAY_PERF_COUNT_LOST)
		attr.read_format = KDELAY_PERF_FORMAT_LOST;
	return attr;
}

/* Opens it for TASK on CPU. Returns a descriptor, -1 with errno on failure. */
static inline int kdelay_perf_open(const struct kdelay_perf_request *request, pid_t task, int cpu)
{
	struct perf_event_attr attr = kdelay_perf_attributes(request);

	return (int)syscall(SYS_perf_event_open, &attr, task, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* ioctl is variadic. The samples of EVENT go to the ring that is mapped from RING, which is of the same CPU. */
static inline int kdelay_perf_redirect(int event, int ring)
{
	return ioctl(event, PERF_EVENT_IOC_SET_OUTPUT, ring);
}

/* The control page is shared with the kernel: its head must be read before the records, its tail written after them
 * (include/uapi/linux/perf_event.h). */
static inline uint64_t kdelay_perf_head(const void *page)
{
	return __atomic_load_n(&((const struct perf_event_mmap_page *)page)->data_head, __ATOMIC_ACQUIRE);
}

static inline void kdelay_perf_set_tail(void *page, uint64_t tail)
{
	__atomic_store_n(&((struct perf_event_mmap_page *)page)->data_tail, tail, __ATOMIC_RELEASE);
}

/* setrlimit's first parameter is an enumeration to C++ alone. Lets this process have WANTED descriptors, beyond the hard
 * limit where it may. Returns how many it can have. */
static inline uint64_t kdelay_raise_descriptor_limit(uint64_t wanted)
{
	struct rlimit limit = { 0, 0 }, raised;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= wanted)
		return limit.rlim_cur;
	raised.rlim_cur = wanted;
	raised.rlim_max = wanted > limit.rlim_max ? wanted : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
		return raised.rlim_cur;
	raised.rlim_cur = raised.rlim_max = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

/* glibc wraps pidfd_open only since 2.36. */
static inline int kdelay_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* glibc does not wrap openat2. Opens PATH as a process sees it whose root directory is open as ROOT: symbolic links, too, are
 * followed below it only. Never blocks on what is no regular file. FLAGS may add O_NOFOLLOW. Returns a descriptor, -1 with errno on failure. */
static inline int kdelay_open_in_root(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (__u64)(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* WIFSIGNALED and its kind are function-like macros. As a shell has it: 128 + N after signal N. */
static inline int kdelay_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#endif
