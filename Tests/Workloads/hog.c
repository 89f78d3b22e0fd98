// hog [CPU [NAME]]: takes a CPU and never gives it up; it is called NAME and lives until it is killed.
//
// No watched program and no handshake: it is what a watched program's threads have to wait for.
#include "workload.h"

#include <sys/prctl.h>

int main(int argc, char **argv) {
    pin((int)number_argument(argc, argv, 1, 0));
    prctl(PR_SET_NAME, argc > 2 ? argv[2] : "cpu-hog");
    prctl(PR_SET_PDEATHSIG, 9);
    printf("ready %d\n", (int)getpid());
    fflush(stdout);
    for (volatile uint64_t count = 0;; count++) {}
}
