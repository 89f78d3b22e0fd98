#!/bin/busybox sh
# Runs in a guest kernel: records two-programs with trace-cmd in several ways, for ./run.
export PATH=/job:/bin LD_LIBRARY_PATH=/job/lib
# trace-cmd copies all of /proc/kallsyms into each file: megabytes. A few names are enough here.
grep -E ' (schedule|__schedule|do_nanosleep|hrtimer_nanosleep|do_wait|do_syscall_64|ksys_read)$' /proc/kallsyms > /tmp/kallsyms
mount --bind /tmp/kallsyms /proc/kallsyms
trace_cmd() { /job/lib/ld-linux-x86-64.so.2 /job/trace-cmd "$@"; }

# record NAME ROUNDS ARGUMENTS...
record() {
    name=$1 rounds=$2; shift 2
    rm -f /tmp/fifo; mkfifo /tmp/fifo
    two-programs "$rounds" /tmp/fifo > "/out/$name.answer" &
    programs=$!
    usleep 300000
    trace_cmd record -q -o "/out/$name.dat" "$@" two-programs go /tmp/fifo || exit 1
    wait $programs
}

uname -a > /out/kernel
all="-e raw_syscalls -e sched -e irq -e task:task_newtask -e task:task_rename"
# shellcheck disable=SC2086
record machine 16 -C mono $all
# shellcheck disable=SC2086
record machine-v6 16 --file-version 6 -C mono $all
record instances 8 -C local -e sched:sched_switch -B calls -e raw_syscalls -B interrupts -e irq
# The buffer is too small, and read at the end: events are lost.
rm -f /tmp/fifo; mkfifo /tmp/fifo
two-programs 60 /tmp/fifo > /out/lossy.answer &
programs=$!
usleep 300000
trace_cmd start -b 8 -C mono -e raw_syscalls -e sched:sched_switch || exit 1
two-programs go /tmp/fifo
wait $programs
trace_cmd stop && trace_cmd extract -o /out/lossy.dat > /dev/null && trace_cmd reset || exit 1
# Without syscalls.
record scheduling 8 -C mono -e sched:sched_switch -e sched:sched_wakeup
# convert NAME FROM ARGUMENTS...: the same records in another form.
convert() { name=$1 from=$2; shift 2; trace_cmd convert -i "/out/$from.dat" -o "/out/$name.dat" "$@" > /dev/null || exit 1; }
convert machine-zlib machine --file-version 7 --compression zlib
convert scheduling-none scheduling --file-version 7 --compression none
convert instances-v6 instances --file-version 6
for file in /out/*.dat; do trace_cmd report -N -t -i "$file" > "${file%.dat}.text" 2> /dev/null; done
