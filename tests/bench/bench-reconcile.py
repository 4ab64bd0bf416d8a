#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a run of sixgate-reconcile costs, beside what it could cost at best and what the same
costs by one ip or nft process per change: all measured in turn, in this one run, each in a
network namespace of its own that is set up the same way. Prints figures and ratios; these
machines are noisy, so nothing is asserted but that every run did its work.

    bench-reconcile.py PROGRAM BARE RECORD.SO EMPTY [ROUNDS]
"""
import os
import re
import subprocess
import sys
import tempfile
import time

PROGRAM, BARE, RECORD, EMPTY = (os.path.abspath(path) for path in sys.argv[1:5])
ROUNDS = int(sys.argv[5]) if len(sys.argv) == 6 else 15
ROUTES = 50
# As NetworkManager's dispatcher calls it.
RUN = [PROGRAM, "eth0", "dhcp6-change"]
# What a start alone costs: ours at an event that is none of ours, an empty program with the same
# libraries, the bare process without a message.
STARTS = {"start": [PROGRAM, "eth0", "hostname"], "empty": [EMPTY], "bare-start": [BARE, os.devnull]}


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


# ---- inside a namespace ----


def set_up(gateways):
    """Links of fixed addresses, so that every namespace is the same; routes in main."""
    lines = ["link set lo up"]
    for i in range(gateways):
        lines += [
            f"link add eth{i} index {100 + i} address 02:00:00:00:00:{i:02x} type veth peer name"
            f" far{i} index {300 + i} address 02:00:00:00:01:{i:02x}",
            f"link set eth{i} addrgenmode none",
            f"link set far{i} addrgenmode none",
            f"link set eth{i} up",
            f"link set far{i} up",
            f"addr add 2001:db8:{i + 1:x}::2/64 dev eth{i} nodad",
            f"route add default via 2001:db8:{i + 1:x}::1 dev eth{i} metric {100 + i}",
        ]
    lines += ["link add br0 index 90 address 02:00:00:00:02:00 type bridge",
              "link set br0 addrgenmode none", "link set br0 up"]
    lines += [f"route add 2001:db8:b:{i:x}::/64 dev br0" for i in range(ROUTES)]
    subprocess.run(["ip", "-6", "-batch", "-"], input="\n".join(lines), text=True, check=True)
    os.makedirs("/run/sixgate", exist_ok=True)
    with open("/run/sixgate/memory", "w", encoding="utf-8") as memory:
        memory.write("[memory]\nMarks=\n")
        for i in range(gateways):
            memory.write(f"\n[gateway {100 + i}]\nName=eth{i}\nKind=ethernet\nUuid=\n")
    # The program asks a bus that is not there: NetworkManager's part is measured by itself.


def timed(command, env=None):
    """Wall time of one process in microseconds."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, env or os.environ, file_actions=actions)
    _, status = os.waitpid(pid, 0)
    wall = (time.perf_counter() - start) * 1e6
    os.close(null)
    if status:
        sys.exit(f"{' '.join(command)}: status {status}")
    return wall


def peak_memory():
    """The most memory that a run ever has resident, in MiB."""
    path = "/run/peak"
    timed(RUN, {**os.environ, "LD_PRELOAD": RECORD, "SG_BENCH_PEAK": path})
    with open(path, encoding="utf-8") as peak:
        return int(peak.read()) / 1024


def script(plan):
    """The printed plan as a shell script: one process a change. ip may not know our name."""
    path = "/run/plan.sh"
    with open(path, "w", encoding="utf-8") as file:
        file.write(plan.replace("proto sixgate", "proto 106"))
    return path


def stage(name, gateways):
    """One measurement in the namespace we are in; prints the microseconds."""
    set_up(gateways)
    if name == "warm":
        return
    if name == "complete":
        result = timed(RUN)
    elif name == "processes":
        plan = run(PROGRAM, "--dry-run", stderr=subprocess.DEVNULL)
        result = timed(["/bin/sh", "-e", script(plan)])
        check_complete()
    elif name.startswith("trace-"):
        if name == "trace-idle":
            timed(RUN)
        trace = os.environ["TRACE"]
        timed(RUN, {**os.environ, "LD_PRELOAD": RECORD, "SG_BENCH_TRACE": trace})
        result = 0
    elif name == "bare-complete":
        result = timed([BARE, os.environ["TRACE"]])
        check_complete()
    elif name in ("idle", "bare-idle", *STARTS):
        timed(RUN)
        command = {"idle": RUN, "bare-idle": [BARE, os.environ.get("TRACE", "")], **STARTS}[name]
        result = min(timed(command) for _ in range(5))
    elif name == "stats":
        for title in ("from nothing", "nothing to do"):
            print(f"{title}: {counted_run()}")
        print(f"peak memory: {peak_memory():.1f} MiB (promise: under 8)")
        return
    else:
        sys.exit(f"no stage {name}")
    print(result)


def check_complete():
    plan = run(PROGRAM, "--dry-run", stderr=subprocess.DEVNULL)
    if plan:
        sys.exit(f"the state is not complete:\n{plan}")


def counted_run():
    """The program's own counters, and all system calls of its process where strace is there."""
    if not os.path.exists("/usr/bin/strace"):
        return run(PROGRAM, "-v", stderr=subprocess.DEVNULL).splitlines()[-1]
    text = run("strace", "-c", "-f", "-o", "/run/calls", PROGRAM, "-v", stderr=subprocess.DEVNULL)
    with open("/run/calls", encoding="utf-8") as calls:
        total = re.search(r"^100\.00\s+\S+\s+\S*\s+(\d+)", calls.read(), re.M)
    return f"{text.splitlines()[-1]}; {total.group(1)} system calls of the whole process"


# ---- outside ----


def in_namespace(name, gateways, trace=""):
    script = "mount -t tmpfs tmpfs /run; exec \"$@\""
    return run("unshare", "-n", "-m", "--propagation", "private", "sh", "-c", script, "sh",
               sys.executable, os.path.abspath(__file__), PROGRAM, BARE, RECORD, EMPTY, "--stage",
               name, str(gateways), env={**os.environ, "TRACE": trace})


def measure(names, gateways, rounds, traces):
    """Medians; the stages take turns, so that noise meets all of them."""
    walls = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            walls[name].append(float(in_namespace(name, gateways, traces.get(name, ""))))
    return {name: sorted(w)[len(w) // 2] for name, w in walls.items()}


def record(gateways, folder):
    traces = {}
    for which in ("complete", "idle"):
        path = os.path.join(folder, f"{which}-{gateways}")
        in_namespace(f"trace-{which}", gateways, path)
        traces[f"bare-{which}"] = path
    return traces


def main():
    with tempfile.TemporaryDirectory() as folder:
        gateways = 4
        traces = record(gateways, folder)
        names = ["complete", "bare-complete", "idle", "bare-idle", *STARTS]
        median = measure(names, gateways, ROUNDS, traces)
        slow = measure(["processes"], gateways, 3, traces)
        start = median["start"]
        print(f"# {gateways} gateways, {ROUTES} routes in main; medians of {ROUNDS} runs, whole"
              " processes, start and end included")
        for name, title in (("start", "the program's start alone"),
                            ("empty", "the start of an empty program with the same libraries"),
                            ("bare-start", "the start of the bare process"),
                            ("complete", "from nothing to complete"),
                            ("bare-complete", "the same messages, prebuilt, by a bare process"),
                            ("idle", "nothing to do"),
                            ("bare-idle", "the same dumps by a bare process")):
            print(f"{title:55} {median[name]:9.0f} us")
        print(f"{'one ip or nft process per change':55} {slow['processes']:9.0f} us")
        print(f"one process per change / from nothing:  {slow['processes'] / median['complete']:.0f}"
              " times (promise: at least 100)")
        for which in ("complete", "idle"):
            ours, bare = median[which], median[f"bare-{which}"]
            least = median["empty"] - median["bare-start"] + bare
            print(f"{which} / bare: {ours / bare:.2f} times (promise: 2); the bare process with the"
                  f" libraries of ours: {least / bare:.2f}; ours without its start: {(ours - start) / bare:.2f}")
        print(in_namespace("stats", gateways), end="")
        growth = {}
        for gateways in (4, 8, 16, 32):
            growth[gateways] = measure(["complete", "start"], gateways, 5, {})
        print("from nothing, start taken off, by gateways: " +
              ", ".join(f"{n}: {m['complete'] - m['start']:.0f} us" for n, m in growth.items()))


if __name__ == "__main__":
    if len(sys.argv) > 6 and sys.argv[5] == "--stage":
        stage(sys.argv[6], int(sys.argv[7]))
    else:
        main()
