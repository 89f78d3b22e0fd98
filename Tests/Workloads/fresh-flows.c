// fresh-flows INTERFACE CPU COUNT [FIRST [SIZE]]: sends COUNT Ethernet frames of SIZE bytes (60), each from a source address
// of its own (number FIRST, 0, and up), from one CPU.
//
// A switch that learns addresses has to look at each source address, so each frame is a flow of its own: every one misses
// the flow table of an Open vSwitch datapath, on the CPU that sent it if INTERFACE is one end of a veth pair. The frames are
// of the experimental EtherType 0x88b5; nobody answers them. Prints the number of frames as JSON.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void die(const char *what) {
    perror(what);
    exit(1);
}

int main(int count, char **values) {
    if (count < 4) {
        fputs("usage: fresh-flows INTERFACE CPU COUNT [FIRST [SIZE]]\n", stderr);
        return 2;
    }
    const char *interface = values[1];
    int cpu = atoi(values[2]), frames = atoi(values[3]), first = count > 4 ? atoi(values[4]) : 0;
    size_t size = count > 5 ? (size_t)atoi(values[5]) : 60;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one)) die("sched_setaffinity");

    int out = socket(AF_PACKET, SOCK_RAW, 0);  // protocol 0: it receives nothing
    if (out < 0) die("socket");
    struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(interface), .sll_halen = 6};
    if (!to.sll_ifindex) die(interface);
    unsigned char frame[1500] = {0x02, 0xff, 0, 0, 0, 1, 0x02};
    frame[12] = 0x88, frame[13] = 0xb5;
    if (size < 14 || size > sizeof frame) return 2;
    for (int i = 0; i < frames; i++) {
        uint32_t number = htonl((uint32_t)(first + i));
        memcpy(frame + 8, &number, sizeof number);
        while (sendto(out, frame, size, 0, (struct sockaddr *)&to, sizeof to) < 0)
            if (errno != EINTR && errno != ENOBUFS) die("sendto");
    }
    printf("{\"program\": \"fresh-flows\", \"cpu\": %d, \"frames\": %d}\n", cpu, frames);
}
