// irq-load [PACKETS [CPU]]: makes soft interrupts (NET_RX) land on a thread that only spins in user space.
//
// `sender` sends PACKETS datagrams to itself over loopback, one at a time, waiting for each. A loopback packet is normally
// received by the CPU that sent it, inside the sender's own syscall; receive packet steering (rps_cpus) hands it to CPU
// instead, where the soft interrupt runs on top of `spinner`, pinned there. That setting would be the machine's, so the
// program makes a network namespace of its own; without the privilege `rps` is false and only the sender is interrupted.
// Each packet raises NET_RX once on the spinner's CPU, and once on the sender's, whose turn ends by alerting the other CPU.
// `gaps` of the spinner is what it noticed: interrupts longer than 1 µs of every kind, and time it was not scheduled.
#include "workload.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

static long packets;
static _Atomic int finished;
static int udp;

static void sender_body(struct worker *self) {
    char byte = 0;
    for (long i = 0; i < packets; i++) {
        if (clocked(&self->calls[0], SYS_sendto, udp, (long)&byte, 1, 0) != 1) die("send");
        if (clocked(&self->calls[1], SYS_recvfrom, udp, (long)&byte, 1, 0) != 1) die("receive");
        // Unpaced, the interrupts of one packet would run into those of the next.
        uint64_t until = now_ns() + 100000;
        while (now_ns() < until) {}
    }
    atomic_fetch_add(&finished, 1);
}

static void spinner_body(struct worker *self) { spin(&self->gaps, 0, &finished, 1); }

/// In a child, since it needs a sysfs that shows the new network namespace, and the mount is not to be the parent's.
static bool steer_to(int cpu) {
    pid_t child = fork();
    if (child == 0) {
        char mask[32];
        snprintf(mask, sizeof mask, "%x", 1u << cpu);
        if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("sysfs", "/sys", "sysfs", 0, NULL))
            _exit(1);
        int fd = open("/sys/class/net/lo/queues/rx-0/rps_cpus", O_WRONLY);
        _exit(fd < 0 || write(fd, mask, strlen(mask)) < 0);
    }
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool make_namespace(int cpu) {
    if (cpu > 31 || unshare(CLONE_NEWNET)) return false;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request)) die("lo");
    close(fd);
    return steer_to(cpu);
}

static void open_socket(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (udp < 0 || bind(udp, (struct sockaddr *)&address, length) ||
        getsockname(udp, (struct sockaddr *)&address, &length) || connect(udp, (struct sockaddr *)&address, length))
        die("loopback socket");
}

int main(int argc, char **argv) {
    packets = number_argument(argc, argv, 1, 2000);
    int cpu = (int)number_argument(argc, argv, 2, 1);
    int online = (int)sysconf(_SC_NPROCESSORS_ONLN), other = online > 1 ? (cpu + 1) % online : cpu;
    struct worker workers[] = {
        {.comm = "sender", .body = sender_body, .cpu = other, .calls = {{.name = "sendto"}, {.name = "recvfrom"}}},
        {.comm = "spinner", .body = spinner_body, .cpu = cpu, .gaps = {.threshold_ns = 1000}},
    };
    bool rps = make_namespace(cpu);
    open_socket();
    workers_start(workers, 2);
    wait_for_go(getpid());
    workers_run(workers, 2);
    report_head("irq-load", getpid());
    printf(",\"packets\":%ld,\"rps\":%s,\"spinner_cpu\":%d,\"sender_cpu\":%d", packets, rps ? "true" : "false", cpu, other);
    report_workers(workers, 2);
    printf("}\n");
    wait_for_end();
    return 0;
}
