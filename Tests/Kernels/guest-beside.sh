#!/bin/busybox sh
# Runs in a guest kernel with a Debian root at /disk: beside.py there, with its results in /out.
root=/disk
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t devtmpfs dev $root/dev
mount -t proc proc $root/proc
mount -t sysfs sys $root/sys
mount -t tracefs tracefs $root/sys/kernel/tracing
mount -t debugfs debug $root/sys/kernel/debug
mount -t tmpfs tmp $root/tmp
mount -t tmpfs run $root/run
mkdir -p $root/job $root/out $root/run/netns
cp -a /job/. $root/job/
chroot $root /usr/bin/python3 -u /job/beside.py "$@"
status=$?
cp -a $root/out/. /out/
exit $status
