"""Run by gdb on a standing process: writes each thread's registers and stack, the mappings, and gdb's own frames.

    gdb -nx -batch -ex 'python out = "PREFIX"' -x dump.py -p PID

PREFIX.stacks: per thread 17 registers in DWARF's order, the stack's start, its length and its bytes, all 8-byte words;
PREFIX.maps: /proc/PID/maps; PREFIX.vdso: the vdso's bytes; PREFIX.frames: gdb's frames of the same threads in the same
order, inlined ones left out, as `THREAD tid name`, `FRAME pc type function`, `END`.
"""
import struct
import gdb

NAMES = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split()
LIMIT = 1 << 20
DEPTH = 1000
inferior = gdb.selected_inferior()
mappings = []
with open("/proc/%d/maps" % inferior.pid) as lines, open(out + ".maps", "w") as copy:
    for line in lines:
        copy.write(line)
        fields = line.split(None, 5)
        start, end = (int(part, 16) for part in fields[0].split("-"))
        mappings.append((start, end))
        if line.rstrip().endswith("[vdso]"):
            with open(out + ".vdso", "wb") as vdso:
                vdso.write(bytes(inferior.read_memory(start, end - start)))

types = {gdb.NORMAL_FRAME: "normal", gdb.SIGTRAMP_FRAME: "signal", gdb.ARCH_FRAME: "arch", gdb.TAILCALL_FRAME: "tail"}
with open(out + ".stacks", "wb") as stacks, open(out + ".frames", "w") as frames:
    for thread in sorted(inferior.threads(), key=lambda thread: thread.ptid[1]):
        thread.switch()
        frame = gdb.newest_frame()
        values = [int(frame.read_register(name)) & (2**64 - 1) for name in NAMES]
        pointer = values[7]
        end = next((end for start, end in mappings if start <= pointer < end), pointer)
        count = min(end - pointer, LIMIT)
        stack = bytes(inferior.read_memory(pointer, count)) if count else b""
        stacks.write(struct.pack("<19Q", *values, pointer, count) + stack)
        frames.write("THREAD %d %s\n" % (thread.ptid[1], thread.name or "-"))
        depth = 0
        try:
            while frame is not None and depth < DEPTH:
                if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
                    kind = types.get(frame.type(), "other")
                    frames.write("FRAME %x %s %s\n" % (frame.pc(), kind, frame.name() or "-"))
                    depth += 1
                frame = frame.older()
            reason = "depth" if frame is not None else "outermost"
        except gdb.error as error:
            reason = str(error)
        frames.write("END %s\n" % reason)
