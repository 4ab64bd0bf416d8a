#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The PCP server beside miniupnpd (nftables build) given the same requests by the same sender, in turn on the
same link; and a packet among 64 and among 4,096 pinholes, and devices.

    bench-pcp.py PCP-PROGRAM RECONCILE-PROGRAM

Each server has a processor of its own, the sender another; so many requests are on their way that the server
never waits. A round opens 500 ports beside those that are open, and closes them.
"""
import ctypes
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

PCP, RECONCILE = (os.path.abspath(p) for p in sys.argv[1:3])
LINK, PREFIX, SERVER = "wg-sixgate", "2001:db8:9:", "2001:db8:9::a3b:1"
DEVICES = [f"{PREFIX}:a3b:{256 + i:x}" for i in range(400)]  # 10.59.1.0 and up
SIZES = (10, 1000, 10000)
ROUND, ROUNDS, WINDOW = 500, 5, 64
PATIENCE = 60  # seconds for opening what a size needs
FAR, PAIRS, SECONDS = "2001:db8:3::2", 10, 1
CLONE_NEWNET = 0x40000000  # linux/sched.h
MINIUPNPD = f"""ext_ifname=wan
ext_ifname6=wan
listening_ip={LINK}
enable_natpmp=yes
enable_upnp=no
secure_mode=yes
min_lifetime=120
max_lifetime=86400
uuid=11111111-1111-1111-1111-111111111111
upnp_table_name=miniupnpd
upnp_nat_table_name=miniupnpd
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
allow 1-65535 0.0.0.0/0 1-65535
"""
MINIUPNPD_TABLE = """table inet miniupnpd {
    chain forward { type filter hook forward priority 0; policy drop; ct state established accept; jump miniupnpd; }
    chain miniupnpd { }
    chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
    chain postrouting { type nat hook postrouting priority 100; jump postrouting_miniupnpd; }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
}
"""
# The two ends of a flow that is forwarded.
LISTEN = f"""
import socket, time
s = socket.create_server(('{DEVICES[0]}', 7), family=socket.AF_INET6); print('ready', flush=True)
c, n = s.accept()[0], 0
begin = time.monotonic()
while got := c.recv(1 << 18): n += len(got)
print(n / (time.monotonic() - begin), flush=True)
"""
CALL = f"""
import socket, time
s, data, end = socket.create_connection(('{DEVICES[0]}', 7)), bytes(1 << 18), time.monotonic() + {SECONDS}
while time.monotonic() < end: s.sendall(data)
"""


def run(*words, stdin=None):
    return subprocess.run(words, check=True, text=True, input=stdin, stdout=subprocess.PIPE).stdout


def build():
    for folder in ("/run/netns", "/etc/sixgate", "/var/lib/sixgate", "/run/sixgate"):
        os.makedirs(folder, exist_ok=True)
        run("mount", "-t", "tmpfs", "none", folder)
    run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1", "net.ipv6.conf.default.accept_dad=0")
    for ns in ("dev", "far"):
        run("ip", "netns", "add", ns)
        run("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0")
    run("ip", "-batch", "-", stdin=f"""link set lo up
link add {LINK} type veth peer name d0 netns dev
link add wan type veth peer name f0 netns far
addr add {SERVER}/64 dev {LINK}
addr add 192.168.7.1/24 dev {LINK}
addr add 2001:db8:3::1/64 dev wan
addr add 9.9.9.1/24 dev wan
link set {LINK} up
link set wan up
route add default via {FAR} dev wan
""")
    run("ip", "-n", "dev", "-batch", "-", stdin="link set lo up\nlink set d0 up\n" + "".join(
        f"addr add {a}/64 dev d0\n" for a in DEVICES) + f"route add default via {SERVER}\n")
    run("ip", "-n", "far", "-batch", "-", stdin="link set lo up\nlink set f0 up\n"
        f"addr add {FAR}/64 dev f0\nroute add default via 2001:db8:3::1\n")


def write_state():
    """The tunnel role's file."""
    def key(n):
        return subprocess.run(["base64"], input=struct.pack(">Q24x", n), stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    lines = ["sixgate-tunnel version=1 generation=1", f"server public={key(1)} private={key(2)}",
             f"subnet network=10.59.0.0/16 prefix={PREFIX}:/64 name=home"]
    for i in range(len(DEVICES)):
        n = 256 + i
        lines.append(f"device address=10.59.{n >> 8}.{n & 255} kind=server pinholes=yes public={key(10 + i)} private= "
                     f"preshared= name=d{i}")
    with open("/var/lib/sixgate/tunnel.state", "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\nend\n")


def reconcile():
    # Without NetworkManager and the link it says so; the rest of the tunnel role is there.
    subprocess.run([RECONCILE], check=True, stderr=subprocess.DEVNULL)


# ---- the servers

def exec_with_socket():
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind(("::", 5351))
    os.dup2(s.fileno(), 3)
    os.set_inheritable(3, True)  # also where it was that one already
    os.sched_setaffinity(0, {0})
    os.execve(PCP, [PCP], {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})


class Ours:
    name = "sixgate-pcp"

    def __init__(self):
        write_state()
        reconcile()
        self.pid = os.fork()
        if self.pid == 0:
            exec_with_socket()

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)
        run("nft", "flush", "ruleset")
        for name in os.listdir("/run/sixgate"):
            os.unlink("/run/sixgate/" + name)


class Theirs:
    name = "miniupnpd"

    def __init__(self):
        run("nft", "-f", "-", stdin=MINIUPNPD_TABLE)
        with open("/run/sixgate/miniupnpd.conf", "w", encoding="ascii") as file:
            file.write(MINIUPNPD)
        run("taskset", "-c", "0", "miniupnpd", "-f", "/run/sixgate/miniupnpd.conf", "-P", "/run/sixgate/miniupnpd.pid")

    def stop(self):
        with open("/run/sixgate/miniupnpd.pid", encoding="ascii") as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
        run("nft", "flush", "ruleset")


# ---- the sender: requests of many devices by one socket

def enter(path):
    with open(path, encoding="ascii") as ns:
        if ctypes.CDLL(None, use_errno=True).setns(ns.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class Sender:
    def __init__(self):
        with open("/proc/self/ns/net", encoding="ascii") as own:
            enter("/run/netns/dev")  # a socket stays where it was made
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            enter(f"/proc/self/fd/{own.fileno()}")
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        os.sched_setaffinity(0, {1})

    @staticmethod
    def request(number, lifetime):
        """The port of a device that the @number stands for."""
        own = socket.inet_pton(socket.AF_INET6, DEVICES[number % len(DEVICES)])
        port = 10000 + number // len(DEVICES)
        return own, struct.pack(">BBHI", 2, 1, 0, lifetime) + own + b"n" * 12 + struct.pack(">B3xHH", 6, port, port) + bytes(16)

    def ask(self, requests):
        """How many were granted; so many of them wait for their answer as WINDOW says."""
        granted, sent = 0, 0
        for own, message in requests:
            self.socket.sendmsg([message], [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, own + bytes(4))], 0, (SERVER, 5351))
            sent += 1
            if sent > WINDOW:
                granted += self.socket.recv(1200)[3] == 0
        for _ in range(min(sent, WINDOW)):
            granted += self.socket.recv(1200)[3] == 0
        return granted


def fill(sender, size):
    """Opens so many ports; how many there are when time is up."""
    begin = time.monotonic()
    for first in range(0, size, 250):
        numbers = range(first, min(first + 250, size))
        if sender.ask([sender.request(n, 86400) for n in numbers]) != len(numbers):
            raise RuntimeError("not every port was granted")
        if time.monotonic() - begin > PATIENCE:
            return numbers.stop
    return size


def rate(sender, size):
    """Requests that are answered in a second."""
    new = range(size, size + ROUND)
    batches = [[sender.request(n, lifetime) for n in new] for lifetime in (3600, 0)]
    begin = time.monotonic()
    for batch in batches:
        if sender.ask(batch) != ROUND:
            raise RuntimeError("not every request was granted")
    return 2 * ROUND / (time.monotonic() - begin)


def wait_for(sender):
    sender.socket.settimeout(0.2)
    for _ in range(50):
        try:
            sender.ask([sender.request(0, 0)])
            break
        except TimeoutError:
            pass
    sender.socket.settimeout(30)


def compare(kinds):
    sender = Sender()
    for size in SIZES:
        found = {}
        for kind in kinds:
            server = kind()
            wait_for(sender)
            there = fill(sender, size)
            rates = [rate(sender, there) for _ in range(ROUNDS if there == size else 1)]
            found[kind.name] = (there, statistics.median(rates))
            server.stop()
        line = ", ".join(f"{name} {median:9.0f}/s" + ("" if there == size else f" at {there}, after {PATIENCE} s")
                         for name, (there, median) in found.items())
        medians = [median for there, median in found.values() if there == size]
        print(f"{size:6} mappings: {line}" + (f", ratio {medians[0] / medians[1]:.1f}" if len(medians) == 2 else ""), flush=True)


# ---- a packet

def throughput(patience=10):
    """Bytes a second of a flow that the far client began, by an open port; within @patience seconds it has to."""
    with subprocess.Popen(["ip", "netns", "exec", "dev", sys.executable, "-c", LISTEN], stdout=subprocess.PIPE, text=True) as end:
        end.stdout.readline()
        try:
            subprocess.run(["ip", "netns", "exec", "far", sys.executable, "-c", CALL], check=True, timeout=patience)
            return float(end.stdout.readline())
        finally:
            end.kill()


def elements(verb, of):
    """@of: set → its elements, a batch."""
    run("nft", "-f", "-", stdin="".join(f"{verb} element ip6 startos {name} {{ {', '.join(all_of_it)} }}\n" for name, all_of_it in of.items()))


def device_elements(addresses):
    """What a run puts into the sets for devices; this link is no WireGuard, so it left them empty."""
    subnet = "0x0a3b0000"
    return {"tunnel_devices": addresses, "tunnel_subnets": [f"{a} : {subnet}" for a in addresses],
            "tunnel_members": [f"{subnet} . {a}" for a in addresses]}


def pinhole_elements(first, n):
    return {"pinholes": [f"{DEVICES[0]} . tcp . {first + i}" for i in range(n)]}


def refused():
    """Whether the flow does not come about."""
    try:
        throughput(patience=1)
    except subprocess.SubprocessError:
        return True
    return False


def among(what, many):
    """By turns, so that a noisy machine is noisy to both: the same flow among few and many others."""
    ratios = []
    for pair in range(PAIRS):
        speeds = {}
        for full in ((False, True), (True, False))[pair % 2]:
            if full:
                elements("add", many)
            speeds[full] = throughput()
            if full:
                elements("delete", many)
        ratios.append(speeds[False] / speeds[True])
    print(f"a packet among 4,096 {what} takes {statistics.median(ratios):.3f} times one among 64 "
          f"({', '.join(f'{r:.2f}' for r in sorted(ratios))})", flush=True)


def packets():
    os.sched_setaffinity(0, range(os.cpu_count()))
    write_state()
    reconcile()
    elements("add", {"tunnel_links": [f'"{LINK}"'], **device_elements(DEVICES[:64])})
    assert refused(), "control: without a pinhole nothing gets through"
    elements("add", pinhole_elements(7, 64))
    throughput()
    among("pinholes", pinhole_elements(30000, 4032))
    among("devices", device_elements([f"{PREFIX}:a3b:{0x4000 + i:x}" for i in range(4032)]))


def main():
    if os.environ.get("SIXGATE_PRIVATE") != "1":
        os.environ["SIXGATE_PRIVATE"] = "1"
        os.execvp("unshare", ["unshare", "-n", "-m", sys.executable, *sys.argv])
    build()
    kinds = [Ours, Theirs] if shutil.which("miniupnpd") else [Ours]
    if len(kinds) == 1:
        print("# miniupnpd is not there (miniupnpd-nftables): its half is left out")
    compare(kinds)
    packets()


main()
