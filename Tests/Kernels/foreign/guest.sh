#!/bin/busybox sh
# guest.sh: /init of a guest that `record` boots. Records, and writes what was recorded to the console.
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin:/usr/sbin HOME=/
mount -t devtmpfs dev /dev; mount -t proc proc /proc; mount -t sysfs sys /sys
mount -t tracefs tracefs /sys/kernel/tracing
mount -t tmpfs tmp /tmp
# Of the kernel's names a few: all of them would be most of the file.
head -n 150 /proc/kallsyms > /tmp/kallsyms; mount --bind /tmp/kallsyms /proc/kallsyms
: > /tmp/empty; mount --bind /tmp/empty /sys/kernel/tracing/printk_formats
cd /tmp

# Two processes at a time, pauses above 2^27 ns (TIME_EXTEND), a call that fails, renames, an exec.
cat > work.sh <<'W'
dd if=/dev/zero of=/tmp/file bs=4096 count=4 2>/dev/null
usleep 200000
(usleep 20000; exec ls /nowhere 2>/dev/null) &
i=0; while [ $i -lt 4 ]; do i=$((i + 1)); usleep 2000; done
wait
W
# More calls than the rings have room for.
cat > flood.sh <<'W'
(taskset 2 dd if=/dev/zero of=/dev/null bs=1 count=1500 2>/dev/null) &
taskset 1 dd if=/dev/zero of=/dev/null bs=1 count=1500 2>/dev/null
wait
W
events="-e raw_syscalls -e sched -e irq -e task"
uname -a > /out/kernel
cp /sys/kernel/tracing/events/header_page /out
{
    trace-cmd record -C mono $events -o /out/mixed.dat sh work.sh
    trace-cmd start -C mono $events -b 12
    sh flood.sh
    trace-cmd stop
    trace-cmd extract -o /out/overrun.dat
} > /out/log 2>&1
cd /out
echo; echo "=== BEGIN"
tar c . | gzip -9 | base64
echo "=== END"
sync
sleep 1
poweroff -f
