#!/bin/busybox sh
# Runs in a guest kernel: Open vSwitch with a kernel datapath, frames that miss its flow table a known number of times, and
# the tool beside it. Everything goes to /out for check-upcalls, one set of files a phase:
#   NAME.json NAME.text   what the tool reported, by two instances of it at once     NAME.err   what they said
#   NAME.before .after    the datapaths' own counters                                NAME.sent  what was sent
#   NAME.oracle           each return of ovs_dp_upcall, and each of its tracepoint, as text from an instance of our own
export LD_LIBRARY_PATH=/job/lib PATH=/job/bin:/bin:/sbin
export OVS_RUNDIR=/run/ovs OVS_DBDIR=/run/ovs OVS_LOGDIR=/out/log OVS_SYSCONFDIR=/run/ovs
T=/sys/kernel/tracing
mkdir -p /lib64 /run/ovs /out/log /run/netns
ln -s /job/lib/ld-linux-x86-64.so.2 /lib64/
uname -r > /out/kernel

# busybox prefers its own.
ip() { /job/bin/ip "$@"; }
fail() { echo "guest-upcalls: $*" >&2; exit 1; }

# wait_for SECONDS COMMAND...
wait_for() {
    tries=$(($1 * 50)); shift
    until "$@"; do
        tries=$((tries - 1)); [ $tries -gt 0 ] || return 1
        usleep 20000
    done
}
# The instances of the data end in a number.
recording() { [ "$(cat $T/instances/kdelay-*[0-9]/tracing_on 2>/dev/null | grep -c 1)" = "$1" ]; }
ended() { ! kill -0 "$1" 2>/dev/null; }
recording_or_ended() { recording "$1" || { ended "$2" && ended "${3:-$2}"; }; }

counters() { ovs-dpctl show > /out/$1 || fail "no counters"; }
send() { phase=$1; shift; ip netns exec a fresh-flows "$@" >> /out/$phase.sent || fail "fresh-flows $*"; }

# begin PHASE PID [OPTION...]: both tools record, and so does the oracle.
begin() {
    phase=$1 pid=$2; shift 2
    : > /out/$phase.sent
    counters $phase.before
    echo > $T/instances/oracle/trace
    kdelay-ftrace "$@" --sample-time 600 --format json -o /out/$phase.json -p "$pid" 2> /out/$phase.err & json=$!
    kdelay-ftrace "$@" --sample-time 600 -o /out/$phase.text -p "$pid" 2>> /out/$phase.err & text=$!
    wait_for 20 recording_or_ended 2 $json $text
    usleep 500000
}
# The frames have been looked up when they have been sent: veth hands them over in the sender's softirq.
end() {
    usleep 300000
    kill -INT $json $text 2>/dev/null
    wait $json; echo $? > /out/$1.status
    wait $text; echo $? >> /out/$1.status
    counters $1.after
    cat $T/instances/oracle/trace > /out/$1.oracle
    cat $T/instances/oracle/per_cpu/cpu*/stats > /out/$1.oracle-stats
    left $1
}
# What the tool must have taken away: all that is there is the oracle's.
left() { { ls $T/instances; cat $T/dynamic_events; } > /out/$1.left; }

# windows PHASE FRAMES OPTION...: what a tool with triggers makes of FRAMES frames, one by one.
windows() {
    phase=$1 frames=$2; shift 2
    : > /out/$phase.sent
    kdelay-ftrace "$@" --format json -o /out/$phase.json -p "$switch" 2> /out/$phase.err & tool=$!
    wait_for 20 recording_or_ended 1 $tool && usleep 500000 && send $phase veth-a 0 "$frames" "$next"
    next=$((next + frames))
    wait_for 15 ended $tool || { echo "does not end by itself" >> /out/$phase.err; kill -INT $tool; }
    wait $tool; echo $? > /out/$phase.status
    left $phase
}

# Two namespaces, each at one port of a bridge.
for side in a b; do
    ip netns add $side && ip link add port-$side type veth peer name veth-$side netns $side || fail "no namespaces"
    ip link set port-$side up
    ip -n $side link set veth-$side up
done
ip -n a addr add 10.0.0.1/24 dev veth-a
ip -n b addr add 10.0.0.2/24 dev veth-b
# Neighbours that are known for good: nobody asks for an address at a moment of its own.
address() { ip netns exec $1 cat /sys/class/net/veth-$1/address; }
ip -n a neigh add 10.0.0.2 lladdr "$(address b)" dev veth-a nud permanent
ip -n b neigh add 10.0.0.1 lladdr "$(address a)" dev veth-b nud permanent
ip link add port-c type veth peer name veth-c netns a
ip link set port-c up; ip -n a link set veth-c up

echo 'r:oracle/upcall ovs_dp_upcall ret=$retval:s32' > $T/kprobe_events || fail "no kretprobe"
mkdir $T/instances/oracle
echo 8192 > $T/instances/oracle/buffer_size_kb
echo 1 > $T/instances/oracle/events/oracle/upcall/enable
echo 1 > $T/instances/oracle/events/openvswitch/ovs_dp_upcall/enable

ovsdb-tool create /run/ovs/conf.db /job/vswitch.ovsschema || fail "no database"
ovsdb-server /run/ovs/conf.db --remote=punix:/run/ovs/db.sock --detach --pidfile --log-file 2> /out/ovsdb.err || fail "no ovsdb-server"
ovs-vsctl --no-wait init
# ovs-vswitchd 3.1 counts CPUs again when the last count is 10 s old, by a clock that starts at boot: earlier it finds none,
# makes no thread that handles upcalls, and every one fails.
wait_for 20 awk '{ exit $1 < 11 }' /proc/uptime
ovs-vswitchd unix:/run/ovs/db.sock --detach --pidfile --log-file 2> /out/vswitchd.err || fail "no ovs-vswitchd"
switch=$(cat /run/ovs/ovs-vswitchd.pid) database=$(cat /run/ovs/ovsdb-server.pid)
ovs-vsctl --timeout=20 add-br br0 -- set bridge br0 other-config:mac-table-size=65536 \
    -- add-port br0 port-a -- add-port br0 port-b || fail "no bridge"
# The first packets find the way, before anything is counted.
ip netns exec a ping -c 2 -W 5 10.0.0.2 > /out/ping || fail "no ping through the bridge"
next=0

begin quiet "$switch"
end quiet

begin misses "$switch"
send misses veth-a 0 300 $next; send misses veth-a 1 200 $((next + 300))
next=$((next + 500))
end misses

begin skipped "$switch" --skip-upcall-stats
send skipped veth-a 0 10 $next; next=$((next + 10))
end skipped

# The flows are gone, and ovs-vswitchd does not know until it looks for them: a miss each way at least.
begin ping "$switch"
ovs-dpctl del-flows ovs-system
ip netns exec a ping -c 3 -i 0.2 -W 5 10.0.0.2 >> /out/ping || fail "no ping beside the tool"
end ping

windows return-windows 4 --sample-count 4 --start-trigger k:ovs_dp_process_packet --stop-trigger kr:ovs_dp_process_packet
windows timed-window 1 --sample-time 0.2 --start-trigger kr:ovs_dp_process_packet
windows event-window 1 --sample-time 0.2 --start-trigger t:openvswitch:ovs_dp_upcall
windows refused 0 --start-trigger kr:ovs_dp_no_such_function
windows refused-event 0 --start-trigger t:openvswitch:no_such_event

# Nobody reads: each handler's socket holds 8 MiB, 3,600 of such frames, and then each upcall fails with EAGAIN.
begin overflow "$switch"
kill -STOP "$switch"
send overflow veth-a 0 5000 $next 1400; send overflow veth-a 1 4000 $((next + 5000)) 1400
kill -CONT "$switch"
next=$((next + 9000))
end overflow

# One window in which upcalls succeed, fail without any reader (a datapath that ovs-vswitchd does not know: ENOTCONN), and
# fail since the reader is gone (ECONNREFUSED).
{ ovs-dpctl add-dp lone && ovs-dpctl add-if lone port-c; } 2> /out/lone.err || fail "no second datapath"
begin mixed "$database"
send mixed veth-a 0 20 $next; send mixed veth-a 1 10 $((next + 20))
send mixed veth-c 1 30 0
usleep 500000
kill -9 "$switch"
wait_for 5 ended "$switch"
send mixed veth-a 0 40 $((next + 30))
end mixed

echo > $T/instances/oracle/trace
rmdir $T/instances/oracle
echo -:oracle/upcall >> $T/kprobe_events
left final
