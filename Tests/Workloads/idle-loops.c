// idle-loops [MS]: threads that have nothing to do for MS milliseconds, each in its own way. Nobody is to blame for that.
//
//   epoller    epoll_wait on a timer of its own, which expires every 20 ms
//   poller     poll of a pipe that nobody writes to, with a timeout of 30 ms
//   selecter   select of the same, with a timeout of 30 ms
//   acceptor   accept on a socket to which nobody connects
//   pooled     pthread_cond_wait for work that does not come
//   sleeper    clock_nanosleep of 10 ms
//
// Those that would wait for ever are given their end by a seventh thread, which sleeps until then.
#include "workload.h"

#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static long duration_ms;
static int silent[2], listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_length;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static bool has_work;

static bool goes_on(const struct worker *self) {
    return now_ns() < self->start_ns + (uint64_t)duration_ms * 1000000u;
}

static void epoller_body(struct worker *self) {
    int timer = timerfd_create(CLOCK_MONOTONIC, 0), loop = epoll_create1(0);
    struct itimerspec every = {{0, 20000000}, {0, 20000000}};
    struct epoll_event event = {.events = EPOLLIN};
    if (timer < 0 || loop < 0 || timerfd_settime(timer, 0, &every, NULL)) die("timerfd");
    if (epoll_ctl(loop, EPOLL_CTL_ADD, timer, &event)) die("epoll_ctl");
    self->calls[0].name = "epoll_wait";
    while (goes_on(self)) {
        uint64_t expired;
        clocked(&self->calls[0], SYS_epoll_wait, loop, (long)&event, 1, -1);
        if (read(timer, &expired, sizeof expired) != sizeof expired) die("read");
    }
    close(loop);
    close(timer);
}

static void poller_body(struct worker *self) {
    self->calls[0].name = "poll";
    struct pollfd entry = {.fd = silent[0], .events = POLLIN};
    while (goes_on(self)) clocked(&self->calls[0], SYS_poll, (long)&entry, 1, 30, 0);
}

static void selecter_body(struct worker *self) {
    while (goes_on(self)) {
        fd_set set;
        struct timeval timeout = {0, 30000};
        FD_ZERO(&set);
        FD_SET(silent[0], &set);
        syscall(SYS_select, silent[0] + 1, &set, NULL, NULL, &timeout);
    }
}

static void acceptor_body(struct worker *self) {
    self->calls[0].name = "accept";
    clocked(&self->calls[0], SYS_accept, listener, 0, 0, 0);
}

static void pooled_body(struct worker *self) {
    (void)self;
    pthread_mutex_lock(&mutex);
    while (!has_work) pthread_cond_wait(&work, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void sleeper_body(struct worker *self) {
    self->calls[0].name = "clock_nanosleep";
    while (goes_on(self)) {
        struct timespec time = {0, 10000000};
        clocked(&self->calls[0], SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&time, 0);
    }
}

static void *end_all(void *unused) {
    (void)unused;
    prctl(PR_SET_NAME, "ender");
    usleep((useconds_t)duration_ms * 1000);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    if (client < 0 || connect(client, (struct sockaddr *)&address, address_length)) die("connect");
    pthread_mutex_lock(&mutex);
    has_work = true;
    pthread_cond_broadcast(&work);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(int argc, char **argv) {
    duration_ms = number_argument(argc, argv, 1, 1000);
    // A name in the abstract space: no file is left.
    address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                                 (size_t)snprintf(address.sun_path + 1, 60, "idle-loops-%d", (int)getpid()) + 1);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (pipe(silent) || listener < 0 || bind(listener, (struct sockaddr *)&address, address_length) || listen(listener, 4))
        die("listen");
    struct worker workers[] = {
        {.comm = "epoller", .body = epoller_body, .cpu = 0},   {.comm = "poller", .body = poller_body, .cpu = 0},
        {.comm = "selecter", .body = selecter_body, .cpu = 0}, {.comm = "acceptor", .body = acceptor_body, .cpu = 0},
        {.comm = "pooled", .body = pooled_body, .cpu = 0},     {.comm = "sleeper", .body = sleeper_body, .cpu = 0},
    };
    enum { count = sizeof workers / sizeof *workers };
    workers_start(workers, count);
    wait_for_go(getpid());
    pthread_t ender;
    if (pthread_create(&ender, NULL, end_all, NULL)) die("pthread_create");
    workers_run(workers, count);
    pthread_join(ender, NULL);
    report_head("idle-loops", getpid());
    report_workers(workers, count);
    printf("}\n");
    wait_for_end();
    return 0;
}
