// Runs a command without perf events, as a container's seccomp policy does. On a kernel without seccomp filters it takes the
// capabilities away that perf events of the kernel need, as a container does too; that works where
// kernel.perf_event_paranoid is 2 or more, and the error is always EACCES. `-c` does so in any case.
//
// usage: deny-perf [-c] ERRNO COMMAND...
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif

// A program that root runs gets what is left in the bounding set.
static int drop_capabilities(void) {
  return prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0) || (prctl(PR_CAPBSET_DROP, CAP_PERFMON, 0, 0, 0) && errno != EINVAL);
}

int main(int count, char **arguments) {
  int by_capabilities = count > 1 && !strcmp(arguments[1], "-c");
  arguments += by_capabilities;
  count -= by_capabilities;
  if (count < 3) return 64;
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | atoi(arguments[1])),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (by_capabilities || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
    if (drop_capabilities()) {
      perror("capabilities");
      return 1;
    }
  }
  execvp(arguments[2], arguments + 2);
  perror(arguments[2]);
  return 1;
}
