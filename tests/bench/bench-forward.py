#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What reply routing and the guard cost a forwarded flow: a container sends by one TCP connection
to a client far away, through two hosts in turn: one with conntrack and nothing of ours, one with all
of it. Ten pairs of slices each, AB and BA by turns, so that a noisy machine is noisy to both.

    bench-forward.py PROGRAM [PAIRS] [SECONDS]
"""
import os
import statistics
import subprocess
import sys
import time

PROGRAM = os.path.abspath(sys.argv[1])
PAIRS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else 0.4
HOSTS = ("plain", "ours")
FAR, LAN, CTR = "2001:db8:3::2", "2001:db8:1::2", "2001:db8:1:c::2"
# What any firewall or container engine has: connections are tracked.
TRACKED = "table ip6 engine { chain c { type filter hook forward priority 0; ct state invalid drop; }; }"

END = f"""
import socket, sys, time
role, own, to, seconds = sys.argv[1], sys.argv[2], sys.argv[3], {SECONDS}
def listen():
    s = socket.create_server((own, 7), family=socket.AF_INET6); print('ready', flush=True)
    return s.accept()[0]
def call():
    for _ in range(100):
        try: return socket.create_connection((to, 7))
        except OSError: time.sleep(0.01)
def send(s):
    data, end = bytes(1 << 18), time.monotonic() + seconds
    while time.monotonic() < end: s.sendall(data)
def take(s):
    n, begin = 0, time.monotonic()
    while got := s.recv(1 << 18): n += len(got)
    print(n / (time.monotonic() - begin), flush=True)
s = listen() if role.startswith('listen') else call()
(send if role.endswith('send') else take)(s)
"""


def run(*words, stdin=None):
    return subprocess.run(words, check=True, text=True, input=stdin, stdout=subprocess.PIPE).stdout


def ip(netns, script):
    run("ip", "-n", netns, "-6", "-batch", "-", stdin=script)


def build(name):
    """far - host - ctr; the host has a LAN and a second gateway, as a host with a tunnel has."""
    for part in ("far", "host", "ctr"):
        run("ip", "netns", "add", f"{name}-{part}")
        run("ip", "netns", "exec", f"{name}-{part}", "sysctl", "-qw",
            "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.default.accept_dad=0")
        ip(f"{name}-{part}", "link set lo up")
    ip(f"{name}-host",
       f"link add eth0 index 10 type veth peer name eth0 netns {name}-far\n"
       "link add wg0 index 11 type veth peer name wg0f\n"
       f"link add c0 type veth peer name eth0 netns {name}-ctr\nlink set eth0 up\nlink set wg0 up\n"
       f"link set wg0f up\nlink set c0 up\naddr add {LAN}/64 dev eth0\n"
       "addr add 2001:db8:a::2/64 dev wg0\naddr add 2001:db8:1:c::1/64 dev c0\n"
       "route add default via 2001:db8:1::1 dev eth0 metric 100\n")
    ip(f"{name}-far", f"link set eth0 up\naddr add 2001:db8:1::1/64 dev eth0\naddr add {FAR}/128 dev lo\n"
       f"route add 2001:db8:1:c::/64 via {LAN}")
    ip(f"{name}-ctr", f"link set eth0 up\naddr add {CTR}/64 dev eth0\nroute add default via 2001:db8:1:c::1")
    run("ip", "netns", "exec", f"{name}-host", "nft", "-f", "-", stdin=TRACKED)


def start(netns, *words):
    return subprocess.Popen(["ip", "netns", "exec", netns, sys.executable, "-c", END, *words],
                            stdout=subprocess.PIPE, text=True)


def slice_of(name, inbound):
    """Bytes a second. Inbound: the far client calls and the container sends, so that what is
    forwarded are replies."""
    if inbound:
        first, second = (f"{name}-ctr", "listen-send", CTR, FAR), (f"{name}-far", "call-take", FAR, CTR)
    else:
        first, second = (f"{name}-far", "listen-take", FAR, CTR), (f"{name}-ctr", "call-send", CTR, FAR)
    server = start(*first)
    server.stdout.readline()
    client = start(*second)
    taker = client if inbound else server
    rate = float(taker.stdout.read())
    for process in (server, client):
        process.wait()
    return rate


def measure(title, inbound):
    ratios, rates = [], {name: [] for name in HOSTS}
    for name in HOSTS:
        slice_of(name, inbound)  # neighbours, caches
    for pair in range(PAIRS):
        got = {name: slice_of(name, inbound) for name in (HOSTS if pair % 2 else HOSTS[::-1])}
        for name in HOSTS:
            rates[name].append(got[name])
        ratios.append(got["ours"] / got["plain"])
    print(f"{title}: with ours {statistics.median(rates['ours']) / 1e6:.0f} MB/s, without "
          f"{statistics.median(rates['plain']) / 1e6:.0f} MB/s; of {PAIRS} pairs the median ratio "
          f"{statistics.median(ratios):.3f} (promise: above 0.97)", flush=True)
    print("    pairs: " + " ".join(f"{r:.3f}" for r in ratios), flush=True)


def main():
    for name in HOSTS:
        build(name)
    os.makedirs("/run/sixgate", exist_ok=True)
    with open("/run/sixgate/memory", "w", encoding="utf-8") as memory:
        memory.write("[memory]\nMarks=\n")
        for index, name in ((10, "eth0"), (11, "wg0")):
            memory.write(f"\n[gateway {index}]\nName={name}\nKind=ethernet\nUuid=\n")
    for selection in ("auto", "eth0"):
        subprocess.run(["ip", "netns", "exec", "ours-host", PROGRAM, "--outbound", selection],
                       check=True, stderr=subprocess.DEVNULL)
        what = "reply routing" if selection == "auto" else "reply routing and the guard"
        measure(f"{what}, the container calls out", inbound=False)
        measure(f"{what}, the container answers", inbound=True)


if os.environ.get("PRIVATE") != "1":
    os.environ["PRIVATE"] = "1"
    os.execvp("unshare", ["unshare", "-m", "-n", "-p", "-f", "--kill-child", "--mount-proc", "sh", "-c",
                          "mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && "
                          'mkdir -p /run/netns && exec "$0" "$@"', sys.executable] + sys.argv)
begin = time.monotonic()
main()
print(f"took {time.monotonic() - begin:.0f} s")
