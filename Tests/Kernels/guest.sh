#!/bin/busybox sh
# Runs in a guest kernel: the tool on workloads with known answers. Reports go to /out for check-guest.
export LD_LIBRARY_PATH=/job/lib PATH=/job:/bin:/sbin
T=/sys/kernel/tracing
run="/job/lib/ld-linux-x86-64.so.2 /job/kdelay-ftrace"

# Whether a tool records: the instance of the data ends in a number. Where Open vSwitch is there, its upcalls have another one.
recording() { [ "$(cat $T/instances/kdelay-*[0-9]/tracing_on 2>/dev/null)" = 1 ]; }
# wait_for COMMAND...: for at most 60 seconds.
wait_for() {
    tries=6000
    until "$@"; do
        tries=$((tries - 1)); [ $tries -gt 0 ] || { echo "guest: gave up waiting for: $*" >&2; exit 9; }
        usleep 10000
    done
}

$run doctor > /out/doctor.txt || exit 1
uname -r > /out/kernel

# A command from its first instruction to its end.
$run --format json -o /out/command.json -- /job/spin-syscalls 20000 < /dev/null > /out/command.answer || exit 2

# Slow syscalls with their stacks, by perf events and without.
$run --format json -s 1000000 --record /out/slow.recording -o /out/slow.json -- /job/slow-syscalls 2 < /dev/null > /dev/null || exit 7
# A kernel without seccomp filters denies them to who lacks the capabilities.
echo 2 > /proc/sys/kernel/perf_event_paranoid
/job/deny-perf 1 $run --format json -s 1000000 -o /out/slow-ftrace.json -- /job/slow-syscalls 2 < /dev/null > /dev/null || exit 8

# start NAME PROGRAM ARGUMENT...: starts a program with a handshake through a pipe, and sets pid to its id.
start() {
    answer=/out/$1.answer
    shift
    rm -f /tmp/go; mkfifo /tmp/go
    "$@" < /tmp/go > $answer &
    exec 7<> /tmp/go
    wait_for grep -qs ready $answer
    pid=$(sed -n 's/ready //p' $answer)
}

# A running process.
start process /job/known-answer 3000 20
$run --format json --sample-time 600 -o /out/process.json -p "$pid" &
tool=$!
wait_for recording
usleep 500000
echo go >&7
wait_for grep -qs program /out/process.answer
# A CPU goes and comes back in the middle of a sample: nothing may be lost, and nothing may hang.
echo 0 > /sys/devices/system/cpu/cpu1/online && usleep 300000 && echo 1 > /sys/devices/system/cpu/cpu1/online
usleep 300000
kill -INT $tool
wait $tool || exit 3
exec 7>&-
wait

# One that is only recorded.
start recorded /job/known-answer 300 5
$run record --blame --sample-time 600 -o /out/recorded.recording -p "$pid" &
tool=$!
wait_for recording
usleep 500000
echo go >&7
wait_for grep -qs program /out/recorded.answer
kill -INT $tool
wait $tool || exit 10
exec 7>&-
wait

# Windows between functions, USDT probes, and functions of the kernel: windows NAME START STOP.
windows() {
    start $1 /job/trigger-windows 25 20
    $run -D --format json -o /out/$1.json --record /out/$1.recording --sample-count 20 \
        --start-trigger "$2" --stop-trigger "$3" -p "$pid" 2> /out/$1.err &
    tool=$!
    wait_for grep -qs gating: /out/$1.err
    usleep 500000
    echo go >&7
    wait $tool || exit 5
    exec 7>&-
    wait
}
windows functions up:window_begin up:window_end
windows probes u:kdelay:begin u:kdelay:end
windows kernel-functions k:__x64_sys_getuid kr:__x64_sys_getppid

# Probes that the kernel refuses: no such function, one on its own blacklist, and not at the start of an instruction.
refused() {
    $run --start-trigger "$2" -p $$ > /dev/null 2> /tmp/err
    { echo $?; cat /tmp/err; } > /out/$1.refused
}
refused unknown k:no_such_function
refused blacklisted k:native_read_cr2
refused inside k:__x64_sys_getppid+0x1
$run list 'k:*' > /out/list.txt || exit 6

# Killed: the next start cleans up.
$run --sample-time 60 --start-trigger k:vfs_read -p $$ > /dev/null &
tool=$!
triggered() { [ "$(cat $T/instances/kdelay-*-triggers/tracing_on 2>/dev/null)" = 1 ]; }
wait_for triggered
kill -9 $tool
wait $tool
ls $T/instances > /out/stale.txt
$run --sample-time 0.1 -p $$ > /dev/null 2> /out/cleaned.txt || exit 4
{ ls $T/instances; cat $T/dynamic_events; } > /out/left.txt
