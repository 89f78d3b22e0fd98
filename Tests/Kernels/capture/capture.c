/* capture: records fixtures for the page decoder on a kernel with tracefs.
 *
 *   capture OUTPUT [SCENARIO...]      default: every scenario the kernel can do
 *
 * OUTPUT gets header_page, header_event and formats/SYSTEM.EVENT, and a folder
 * per scenario with cpuN.raw (whole sub-buffers as trace_pipe_raw gave them),
 * cpuN.stats, and the kernel's own text of the same events: trace.txt for
 * reading, trace-ns.txt (option `raw`) with full timestamps and event ids.
 *
 * Each scenario uses a tracing instance of its own, filtered to one child that
 * this program forks and that starts itself again as `capture work WORKLOAD`.
 * Some records appear only when an interrupt hits a window of a few
 * instructions; such a scenario is repeated until its pages hold them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRACEFS "/sys/kernel/tracing"
#define MAX_CPUS 64

static const char *const events[] = {
    "raw_syscalls/sys_enter", "raw_syscalls/sys_exit",
    "sched/sched_switch", "sched/sched_wakeup", "sched/sched_wakeup_new", "sched/sched_waking",
    "sched/sched_process_exec", "sched/sched_process_exit",
    "irq/irq_handler_entry", "irq/irq_handler_exit",
    "irq/softirq_entry", "irq/softirq_exit",
    "task/task_newtask", "task/task_rename",
};
#define EVENT_COUNT (sizeof events / sizeof *events)

/* What ftrace adds to an event by its options; not to be enabled. */
static const char *const added[] = { "ftrace/kernel_stack", "ftrace/user_stack" };
#define ADDED_COUNT (sizeof added / sizeof *added)

struct scenario {
    const char *name, *workload;
    unsigned subbuf_kb;         /* 0: the kernel's default, one page */
    unsigned buffer_kb;         /* per CPU */
    const char *exit_filter;    /* of sys_exit */
    int discard;                /* make the kernel discard what it has reserved */
    unsigned rounds;            /* run, save and read this often */
    unsigned attempts;          /* until the pages hold what is wanted */
    unsigned want;              /* mask of 1 << record type */
    unsigned only_enter_from;   /* from this round on, record sys_enter alone */
    int read_while_running;
    int stacks;                 /* of sys_exit and sched_switch alone; no text */
};

enum { DISCARDED = 29, TIME_EXTEND = 30, TIME_STAMP = 31 };

/* The kernel builds an event that has a filter in a buffer aside and copies it
 * only if it matches, so that no discarded record can be seen. A hist trigger on
 * common_timestamp turns that off: the record is reserved in the ring buffer
 * first. It stays behind as padding if something was written after it, which
 * takes an interrupt between the reservation and the filter's decision; and
 * each discard makes the next record carry an absolute time stamp. Without
 * `clock=` such a trigger switches the instance's trace_clock to `global`. */
#define HIST_TRIGGER "hist:keys=common_pid:ts0=common_timestamp.usecs:clock=mono"

static const struct scenario scenarios[] = {
    { .name = "mixed", .workload = "mixed", .buffer_kb = 512, .rounds = 1 },
    { .name = "sparse", .workload = "sparse", .buffer_kb = 64, .rounds = 1, .want = 1u << TIME_EXTEND },
    /* Two pages, besides the reader's, are the smallest buffer there is. A page
     * of sys_enter records alone is full to the last byte, which leaves no room
     * for the count of missed events. */
    { .name = "overrun", .workload = "burst", .buffer_kb = 8, .rounds = 6, .only_enter_from = 3 },
    { .name = "filtered", .workload = "interrupted", .buffer_kb = 44, .rounds = 1,
      .exit_filter = "ret < 0", .discard = 1, .attempts = 60, .want = 1u << DISCARDED },
    { .name = "timestamp", .workload = "interrupted", .buffer_kb = 44, .rounds = 1,
      .attempts = 150, .want = 1u << TIME_STAMP },
    { .name = "partial", .workload = "slow", .buffer_kb = 256, .rounds = 1, .read_while_running = 1 },
    { .name = "stacks", .workload = "slow", .buffer_kb = 512, .rounds = 1, .stacks = 1 },
    { .name = "subbuf64", .workload = "long", .subbuf_kb = 64, .buffer_kb = 512, .rounds = 1 },
};
#define SCENARIO_COUNT (sizeof scenarios / sizeof *scenarios)

static char instance[128];
static int have_trigger;
static char self[4096];

/* --- small file helpers ------------------------------------------------- */

static void die(const char *what) {
    fprintf(stderr, "capture: %s: %s\n", what, strerror(errno));
    exit(1);
}

static const char *path_of(const char *directory, const char *format, ...) {
    static char ring[8][4300];
    static unsigned next;
    char *path = ring[next++ % 8];
    int length = snprintf(path, 200, "%s/", directory);
    if (length >= 200) { errno = ENAMETOOLONG; die(directory); }
    va_list list;
    va_start(list, format);
    vsnprintf(path + length, sizeof ring[0] - length, format, list);
    va_end(list);
    return path;
}

static int put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_TRUNC);
    if (fd < 0) return -1;
    int error = write(fd, text, strlen(text)) < 0 ? errno : 0;
    close(fd);
    errno = error;
    return error ? -1 : 0;
}

static void must_put(const char *path, const char *text) {
    if (put(path, text) < 0) die(path);
}

static void copy(const char *from, const char *to, int flags) {
    char buffer[65536];
    ssize_t size;
    int in = open(from, O_RDONLY);
    if (in < 0) die(from);
    int out = open(to, O_WRONLY | O_CREAT | flags, 0644);
    if (out < 0) die(to);
    while ((size = read(in, buffer, sizeof buffer)) > 0)
        if (write(out, buffer, size) != size) die(to);
    if (size < 0) die(from);
    close(in);
    close(out);
}

static unsigned number_in(const char *path) {
    char text[64] = "";
    int fd = open(path, O_RDONLY);
    if (fd < 0) return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return size > 0 ? strtoul(text, NULL, 10) : 0;
}

/* --- the workload, in a process of its own ------------------------------ */

static void nap(long microseconds) {
    struct timespec time = { microseconds / 1000000, microseconds % 1000000 * 1000 };
    nanosleep(&time, NULL);
}

/* Half of the calls fail, so that the filter `ret < 0` has something to keep. */
static void calls(int count) {
    for (int i = 0; i < count; i++)
        if (i & 1) close(-1); else syscall(SYS_getppid);
}

static void burn(long milliseconds) {
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < milliseconds);
}

static void use_cpu(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

static void *second_thread(void *unused) {
    (void)unused;
    prctl(PR_SET_NAME, "second");
    use_cpu(1);
    for (int i = 0; i < 8; i++) { calls(4); nap(300); }
    return NULL;
}

/* Wakes up in a timer interrupt of the CPU that the main thread keeps busy:
 * sched_wakeup is then recorded in the middle of the interrupted record. */
static volatile int stop_ticking;
static void *ticking_thread(void *unused) {
    (void)unused;
    prctl(PR_SET_NAME, "ticking");
    prctl(PR_SET_TIMERSLACK, 1);
    while (!stop_ticking) nap(40);
    return NULL;
}

static void work_mixed(int again) {
    if (again) {
        prctl(PR_SET_NAME, "again");
        calls(20);
        return;
    }
    calls(40);
    pthread_t thread;
    pthread_create(&thread, NULL, second_thread, NULL);
    prctl(PR_SET_NAME, "renamed");
    for (int i = 0; i < 6; i++) { calls(6); nap(500); }
    pid_t child = fork();
    if (child == 0) { calls(5); _exit(3); }
    waitpid(child, NULL, 0);
    /* The answer of a disk or console is a hard interrupt. It is recorded if it
     * hits this process, so do not sleep until it comes. */
    int file = open("capture.tmp", O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 6; i++) {
        use_cpu(i & 1);
        if (pwrite(file, "x", 1, i * 65536) == 1) sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE);
        if (write(2, ".", 1) == 1) burn(2);
    }
    close(file);
    unlink("capture.tmp");
    burn(30);   /* timer ticks: soft interrupts on a busy CPU */
    pthread_join(thread, NULL);
    execl(self, self, "work", "mixed", "again", NULL);
    die("exec");
}

static void work(const char *name, int again) {
    if (!strcmp(name, "mixed")) { work_mixed(again); return; }
    if (!strcmp(name, "sparse")) {
        /* A time delta has 27 bits: 134 ms. The last pause needs more than 32. */
        static const long pauses[] = { 1000, 100000, 134000, 135000, 150000, 300000, 4400000 };
        for (unsigned i = 0; i < sizeof pauses / sizeof *pauses; i++) { calls(3); nap(pauses[i]); }
    } else if (!strcmp(name, "burst")) {
        calls(600);
    } else if (!strcmp(name, "interrupted")) {
        pthread_t thread;
        pthread_create(&thread, NULL, ticking_thread, NULL);
        calls(3000);
        stop_ticking = 1;
        pthread_join(thread, NULL);
    } else if (!strcmp(name, "slow")) {
        for (int i = 0; i < 25; i++) { calls(12); nap(4000); }
    } else if (!strcmp(name, "long")) {
        calls(900);
    }
}

/* Starts the workload; it waits until a byte comes through *gate. */
static pid_t start_workload(const char *name, int *gate) {
    int ends[2];
    if (pipe(ends)) die("pipe");
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
        char byte;
        close(ends[1]);
        use_cpu(0);
        if (read(ends[0], &byte, 1) == 1) execl(self, self, "work", name, NULL);
        _exit(1);
    }
    close(ends[0]);
    *gate = ends[1];
    return child;
}

/* --- the instance ------------------------------------------------------- */

static void remove_instance(void) {
    if (!*instance) return;
    put(path_of(instance, "tracing_on"), "0");
    put(path_of(instance, "events/enable"), "0");
    if (have_trigger) put(path_of(instance, "events/raw_syscalls/sys_exit/trigger"), "!" HIST_TRIGGER);
    have_trigger = 0;
    if (rmdir(instance)) fprintf(stderr, "capture: cannot remove %s: %s\n", instance, strerror(errno));
    *instance = 0;
}

static void on_signal(int number) {
    (void)number;
    exit(1);    /* atexit removes the instance */
}

static void make_instance(void) {
    snprintf(instance, sizeof instance, TRACEFS "/instances/capture-%d", getpid());
    if (mkdir(instance, 0700)) { *instance = 0; die("cannot make an instance"); }
    must_put(path_of(instance, "tracing_on"), "0");
    must_put(path_of(instance, "trace_clock"), "mono");
    must_put(path_of(instance, "options/event-fork"), "1");
}

static int configure(const struct scenario *s) {
    char text[32];
    if (s->subbuf_kb) {
        snprintf(text, sizeof text, "%u", s->subbuf_kb);
        if (put(path_of(instance, "buffer_subbuf_size_kb"), text)) return -1;
    }
    snprintf(text, sizeof text, "%u", s->buffer_kb);
    must_put(path_of(instance, "buffer_size_kb"), text);
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        int has_stacks = !strcmp(events[i], "sched/sched_switch") || !strcmp(events[i], "raw_syscalls/sys_exit");
        if (!s->stacks || has_stacks) must_put(path_of(instance, "events/%s/enable", events[i]), "1");
    }
    if (s->stacks) {
        must_put(path_of(instance, "events/sched/sched_switch/trigger"), "stacktrace");
        must_put(path_of(instance, "options/userstacktrace"), "1");
    }
    have_trigger = s->discard && put(path_of(instance, "events/raw_syscalls/sys_exit/trigger"), HIST_TRIGGER) == 0;
    if (s->exit_filter)
        must_put(path_of(instance, "events/raw_syscalls/sys_exit/filter"), s->exit_filter);
    return 0;
}

/* --- reading ------------------------------------------------------------ */

static unsigned cpu_count, page_size, seen;
static int raw[MAX_CPUS];
static unsigned pages_read;

static void open_raw(void) {
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        raw[cpu] = open(path_of(instance, "per_cpu/cpu%u/trace_pipe_raw", cpu), O_RDONLY | O_NONBLOCK);
        if (raw[cpu] < 0) die("trace_pipe_raw");
    }
}

static void close_raw(void) {
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) close(raw[cpu]);
}

/* Notes which record types a page holds, just enough to know whether to repeat. */
static void look_at(const unsigned char *page) {
    uint64_t commit;
    memcpy(&commit, page + 8, 8);
    const unsigned char *at = page + 16, *end = at + (commit & 0xfffff);
    while (at + 8 <= end) {
        uint32_t header, first;
        memcpy(&header, at, 4);
        memcpy(&first, at + 4, 4);
        unsigned type = header & 31;
        if (type == 29 && header >> 5 == 0) break;      /* the rest is empty */
        at += type == 0 || type == 29 ? 4 + first : type >= 30 ? 8 : 4 + type * 4;
        int tail = type == 29 && header >> 5 == 1 && at == end;     /* of the page, unused */
        if (!tail) seen |= 1u << type;
    }
}

static void read_pages(const char *output, int flags) {
    static unsigned char page[1 << 16];
    for (unsigned cpu = 0; cpu < cpu_count; cpu++) {
        int out = open(path_of(output, "cpu%u.raw", cpu), O_WRONLY | O_CREAT | flags, 0644);
        if (out < 0) die("cpuN.raw");
        ssize_t size;
        while ((size = read(raw[cpu], page, page_size)) > 0) {
            if (size != page_size) fprintf(stderr, "capture: a read of %zd bytes\n", size);
            if (write(out, page, size) != size) die("cpuN.raw");
            look_at(page);
            pages_read++;
        }
        close(out);
    }
}

static void save_text(const char *output, int flags) {
    copy(path_of(instance, "trace"), path_of(output, "trace.txt"), flags);
    /* The ordinary text has microseconds; with the option `raw` a line is
     * "PID CPU NANOSECONDS type: ID". */
    must_put(path_of(instance, "options/raw"), "1");
    copy(path_of(instance, "trace"), path_of(output, "trace-ns.txt"), flags);
    must_put(path_of(instance, "options/raw"), "0");
}

static void save_stats(const char *output, int flags) {
    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        copy(path_of(instance, "per_cpu/cpu%u/stats", cpu), path_of(output, "cpu%u.stats", cpu), flags);
}

static void set_only_enter(void) {
    for (unsigned i = 1; i < EVENT_COUNT; i++)
        must_put(path_of(instance, "events/%s/enable", events[i]), "0");
}

static void run_round(const struct scenario *s, const char *output, unsigned round) {
    int flags = round ? O_APPEND : O_TRUNC, gate, status;
    char text[32];
    if (s->only_enter_from && round == s->only_enter_from) set_only_enter();
    pid_t child = start_workload(s->workload, &gate);
    snprintf(text, sizeof text, "%d", child);
    must_put(path_of(instance, "set_event_pid"), text);
    must_put(path_of(instance, "tracing_on"), "1");
    if (write(gate, "", 1) != 1) die("gate");
    close(gate);
    if (s->read_while_running) {
        read_pages(output, flags);
        while (waitpid(child, &status, WNOHANG) == 0) { nap(7000); read_pages(output, O_APPEND); }
        flags = O_APPEND;
    } else if (waitpid(child, &status, 0) < 0) die("waitpid");
    if (status) fprintf(stderr, "capture: workload %s ended with %#x\n", s->workload, status);
    must_put(path_of(instance, "tracing_on"), "0");
    save_stats(output, round ? O_APPEND : O_TRUNC);
    if (!s->read_while_running && !s->stacks) save_text(output, flags);
    read_pages(output, flags);
}

static void run_scenario(const struct scenario *s, const char *output) {
    unsigned attempt = 0, want = s->want, attempts = s->attempts;
    const char *folder = strdup(path_of(output, "%s", s->name));
    do {
        make_instance();
        if (configure(s)) {
            printf("%s: not on this kernel\n", s->name);
            remove_instance();
            return;
        }
        if (s->discard && !have_trigger) want = attempts = 0;
        page_size = number_in(path_of(instance, "buffer_subbuf_size_kb")) * 1024;
        if (!page_size) page_size = getpagesize();
        mkdir(folder, 0755);
        seen = pages_read = 0;
        open_raw();
        for (unsigned round = 0; round < s->rounds; round++) run_round(s, folder, round);
        close_raw();
        if (s->subbuf_kb)   /* the instance's own: it has the size */
            copy(path_of(instance, "events/header_page"), path_of(folder, "header_page"), O_TRUNC);
        copy(path_of(instance, "timestamp_mode"), path_of(folder, "timestamp_mode"), O_TRUNC);
        remove_instance();
    } while (++attempt < attempts && (seen & want) != want);
    printf("%s: %u sub-buffers of %u bytes, %u attempt(s)%s%s%s%s\n", s->name, pages_read, page_size, attempt,
           seen >> DISCARDED & 1 ? ", discarded records" : "", seen >> TIME_EXTEND & 1 ? ", time extends" : "",
           seen >> TIME_STAMP & 1 ? ", time stamps" : "",
           s->discard && !want ? ", no hist trigger" : (seen & want) == want ? "" : "; WITHOUT what was wanted");
    fflush(stdout);
}

static void save_format(const char *output, const char *event) {
    char name[64];
    snprintf(name, sizeof name, "%s", event);
    *strchr(name, '/') = '.';
    copy(path_of(TRACEFS, "events/%s/format", event), path_of(output, "formats/%s", name), O_TRUNC);
}

static void save_formats(const char *output) {
    mkdir(output, 0755);
    mkdir(path_of(output, "formats"), 0755);
    copy(TRACEFS "/events/header_page", path_of(output, "header_page"), O_TRUNC);
    copy(TRACEFS "/events/header_event", path_of(output, "header_event"), O_TRUNC);
    for (unsigned i = 0; i < EVENT_COUNT; i++) save_format(output, events[i]);
    for (unsigned i = 0; i < ADDED_COUNT; i++) save_format(output, added[i]);
}

int main(int argc, char **argv) {
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) die("/proc/self/exe");
    if (argc >= 3 && !strcmp(argv[1], "work")) {
        work(argv[2], argc > 3);
        return 0;
    }
    if (argc < 2) {
        fprintf(stderr, "usage: capture OUTPUT [SCENARIO...]\n");
        return 2;
    }
    cpu_count = sysconf(_SC_NPROCESSORS_CONF);
    if (cpu_count > MAX_CPUS) cpu_count = MAX_CPUS;
    atexit(remove_instance);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    save_formats(argv[1]);
    for (unsigned i = 0; i < SCENARIO_COUNT; i++) {
        int wanted = argc == 2;
        for (int j = 2; j < argc; j++) wanted |= !strcmp(argv[j], scenarios[i].name);
        if (wanted) run_scenario(&scenarios[i], argv[1]);
    }
    return 0;
}
