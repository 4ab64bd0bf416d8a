# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small internet in network namespaces; see README.md for the picture.

Sixgate's host is the namespace of the caller, which must be a private one (see `enter`).
"""
import ast
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# Near the LAN's prefix in bits: address selection prefers the LAN's address for it (RFC 6724,
# rule 8), which is what makes an ordinary connect() leak.
FAR, LAN_CLIENT, CONTAINER, SHORT = '2001:db8:3::2', '2001:db8:1::c', 'fd00:c::2', 'fd77::1'
INJECTED = '2001:db8:3:1::2'  # the far client, by a prefix that a router advertisement may claim
BRIDGE = '2001:db8:1:c::1'    # an address of the host that is on no gateway
# gateway: the host's address, the one that is all the container's (deprecated, so that it never
# becomes a source), who sees its packets where
HOST = {'eth0': '2001:db8:1::2', 'wg0': '2001:db8:a::2', 'wg1': '2001:db8:b::2'}
FOR_CONTAINER = {'eth0': '2001:db8:1::d0', 'wg0': '2001:db8:a::d0', 'wg1': '2001:db8:b::d0'}
WATCH = {'eth0': ('home', 'port0'), 'wg0': ('vps', 'wg'), 'wg1': ('vps2', 'wg')}
SERVICE = '2001:db8:b:c::1'   # an address of the host, on no gateway, that wg1's server routes here
PORT = 51820
LIBEXEC = os.environ.get('SIXGATE_RECONCILE', 'sixgate-reconcile')


def enter():
    """Goes on in private namespaces; what is written to /run, /etc and /var/lib stays in them."""
    if os.environ.get('SIXGATE_PRIVATE') == '1':
        return
    if os.geteuid() != 0:
        print('1..0 # SKIP needs root')
        sys.exit(0)
    os.environ['SIXGATE_PRIVATE'] = '1'
    overlays = ''.join(
        f'mkdir -p /run/o{d}/up /run/o{d}/work && mount -t overlay overlay -o '
        f'lowerdir={d},upperdir=/run/o{d}/up,workdir=/run/o{d}/work {d} && '
        for d in ('/etc', '/var/lib'))
    mounts = ('mount -t tmpfs tmpfs /run && ' + overlays +
              'mkdir -p /run/netns /run/sixgate /etc/sixgate /var/lib/sixgate && '
              'mount -t sysfs sysfs /sys && exec "$0" "$@"')
    os.execvp('unshare', ['unshare', '-n', '-m', '-p', '-f', '--kill-child', '--mount-proc', 'sh',
                          '-c', mounts, sys.executable] + sys.argv)


def run(*words, check=True, stdin=None):
    p = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    if check and p.returncode != 0:
        raise RuntimeError('%s: %s' % (' '.join(words), (p.stderr or p.stdout).strip()))
    return p.stdout


def ip(script, netns=None):
    where = ['-n', netns] if netns else []
    run('ip', *where, '-6', '-batch', '-', stdin=script)


def sysctl(netns, *settings):
    prefix = ['ip', 'netns', 'exec', netns] if netns else []
    run(*prefix, 'sysctl', '-qw', *settings)


class Agent:
    def __init__(self, netns):
        prefix = ['ip', 'netns', 'exec', netns] if netns else []
        self.process = subprocess.Popen(
            prefix + [sys.executable, os.path.join(HERE, 'agent.py')], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __getattr__(self, name):
        def call(**keywords):
            self.process.stdin.write(repr((name, keywords)) + '\n')
            self.process.stdin.flush()
            return ast.literal_eval(self.process.stdout.readline() or '"agent died"')
        return call


class Internet:
    def __init__(self):
        self.wireguard = subprocess.run(['ip', 'link', 'add', 'probe', 'type', 'wireguard'],
                                        capture_output=True, check=False).returncode == 0
        if self.wireguard:
            run('ip', 'link', 'del', 'probe')
        self.endpoint = {}
        for n in ('far', 'inet', 'home', 'lan', 'vps', 'vps2', 'ctr'):
            run('ip', 'netns', 'add', n)
        for n in ('far', 'inet', 'home', 'lan', 'vps', 'vps2', 'ctr', None):
            sysctl(n, 'net.ipv6.conf.default.dad_transmits=0', 'net.ipv6.conf.default.accept_dad=0',
                   'net.ipv6.conf.default.accept_ra=0', 'net.ipv6.icmp.ratelimit=0',
                   'net.ipv6.conf.all.forwarding=%d' % (n not in ('far', 'lan', 'ctr')),
                   # nobody's source by chance: by this port watch() knows the tunnels' own packets
                   f'net.ipv4.ip_local_reserved_ports={PORT}')
            ip('link set lo up', n)
        self.build_outside()
        self.build_host()
        self.agents = {n: Agent(n) for n in ('far', 'home', 'lan', 'vps', 'vps2', 'ctr')}
        self.agents['host'] = Agent(None)
        for n in ('far', 'lan', 'ctr', 'host', 'home'):
            self.agents[n].serve()
        for agent, device in WATCH.values():
            self.agents[agent].sniff(device=device)

    def build_outside(self):
        ip('link add wan type veth peer name far netns inet\n'
           'link set wan up\naddr add 2001:db8:3::2/64 dev wan\n'
           'addr add 2001:db8:3:1::2/64 dev wan preferred_lft 0\nroute add default via 2001:db8:3::1', 'far')
        for n, net, owns in (('home', 'e1', '2001:db8:1::/48'), ('vps', 'e2', '2001:db8:a::/48'),
                             ('vps2', 'e3', '2001:db8:b::/48')):
            ip(f'link add wan type veth peer name {n} netns inet\nlink set wan up\n'
               f'addr add 2001:db8:{net}::2/64 dev wan\nroute add default via 2001:db8:{net}::1', n)
            ip(f'link set {n} up\naddr add 2001:db8:{net}::1/64 dev {n}\n'
               f'route add {owns} via 2001:db8:{net}::2', 'inet')
        ip('link set far up\naddr add 2001:db8:3::1/64 dev far\n'
           'route add 2001:db8:3:1::/64 via 2001:db8:3::2', 'inet')
        ip('link add lan address 02:00:00:00:00:01 type bridge\nlink set lan up\naddr add 2001:db8:1::1/64 dev lan\n'
           'addr add fe80::1/64 dev lan\nlink add port0 type veth peer name eth0\n'
           'link add port1 type veth peer name eth0 netns lan\n'
           'link set port0 master lan up\nlink set port1 master lan up\n'
           f'addr add {SHORT}/128 dev lo\nroute add 2001:db8:1:c::/64 via fe80::2 dev lan', 'home')
        run('ip', '-n', 'home', 'link', 'set', 'eth0', 'netns', str(os.getpid()))
        ip(f'link set eth0 up\naddr add {LAN_CLIENT}/64 dev eth0\naddr add fe80::c/64 dev eth0\n'
           'route add default via fe80::1 dev eth0', 'lan')
        # Strict neighbours, as on the real Internet: nobody forwards a source that is not his,
        # and a server's firewall wants to see a connection from its beginning.
        for n, device, own in (('home', 'lan', '{ 2001:db8:1::/48, fe80::/10 }'),
                               ('vps', 'wg', '2001:db8:a::/48'), ('vps2', 'wg', '2001:db8:b::/48')):
            run('ip', 'netns', 'exec', n, 'nft', '-f', '-', stdin=f'''
                table ip6 fw {{
                    chain forward {{ type filter hook forward priority filter; policy accept;
                        iifname "{device}" oifname "{device}" accept  # bridged, where that counts
                        iifname "{device}" ip6 saddr != {own} drop
                        ct state new tcp flags & (syn | ack) != syn drop
                        ct state invalid drop
                    }}
                }}''')

    def build_host(self):
        ip(f'link set eth0 up\naddr add fe80::2/64 dev eth0\n'
           f'addr add {HOST["eth0"]}/64 dev eth0 noprefixroute\n'
           f'addr add {FOR_CONTAINER["eth0"]}/64 dev eth0 noprefixroute preferred_lft 0\n'
           'route add 2001:db8:1::/64 dev eth0 proto ra metric 100\n'
           'route add default via fe80::1 dev eth0 proto ra metric 100\n'
           'route add fd00::/8 via fe80::1 dev eth0 proto static metric 50')
        self.build_container()
        for wg, n in (('wg0', 'vps'), ('wg1', 'vps2')):
            self.add_tunnel(wg, n)

    @staticmethod
    def build_container():
        """A container that is reached by a port of each address, or by an address of its own: as
        a container engine would have it, and nothing of ours."""
        ip(f'link add br0 type bridge\nlink set br0 up\naddr add fd00:c::1/64 dev br0\n'
           f'addr add {BRIDGE}/64 dev br0\n'
           'link add c0 type veth peer name eth0 netns ctr\nlink set c0 master br0 up')
        ip(f'link set eth0 up\naddr add {CONTAINER}/64 dev eth0\n'
           'route add default via fd00:c::1', 'ctr')
        addresses = ', '.join(FOR_CONTAINER.values())
        hosts = ', '.join(HOST.values())
        run('nft', '-f', '-', stdin=f'''
            table ip6 engine {{
                chain pre {{ type nat hook prerouting priority dstnat;
                    ip6 daddr {{ {addresses} }} dnat to {CONTAINER}
                    ip6 daddr {{ {hosts} }} tcp dport 8080 dnat to [{CONTAINER}]:7
                    ip6 daddr {{ {hosts} }} udp dport 8080 dnat to [{CONTAINER}]:7
                    ip6 daddr {{ {hosts} }} udp dport 8081 dnat to [{CONTAINER}]:9
                }}
                chain post {{ type nat hook postrouting priority srcnat;
                    ip6 saddr fd00:c::/64 oifname {{ "eth0", "wg0", "wg1" }} masquerade
                }}
            }}''')

    def add_tunnel(self, wg, n):
        address, container = HOST[wg], FOR_CONTAINER[wg]
        net = address[:-1]
        if self.wireguard:
            self.add_wireguard(wg, n, net)
        else:
            # Both ends with the same address and no neighbour discovery: like WireGuard.
            mac = 'address 02:00:00:00:00:a0'
            ip(f'link add {wg} {mac} type veth peer name wg {mac} netns {n}\n'
               f'link set {wg} arp off addrgenmode none up')
            ip('link set wg arp off up', n)
        ip(f'addr add {address}/128 dev {wg}\naddr add {container}/128 dev {wg} preferred_lft 0')
        ip(f'addr add {net}1/128 dev wg\nroute add {net}/64 dev wg', n)

    def add_wireguard(self, wg, n, net):
        keys = {}
        for end in (wg, n):
            private = run('wg', 'genkey')
            keys[end] = (private, run('wg', 'pubkey', stdin=private).strip())
        run('ip', 'link', 'add', wg, 'type', 'wireguard')
        run('ip', '-n', n, 'link', 'add', 'wg', 'type', 'wireguard')
        end = {'vps': '2001:db8:e2::2', 'vps2': '2001:db8:e3::2'}[n]
        run('wg', 'set', wg, 'private-key', '/dev/stdin', 'peer', keys[n][1], 'endpoint',
            f'[{end}]:{PORT}', 'allowed-ips', '::/0', 'persistent-keepalive', '5', stdin=keys[wg][0])
        run('ip', 'netns', 'exec', n, 'wg', 'set', 'wg', 'listen-port', str(PORT), 'private-key',
            '/dev/stdin', 'peer', keys[wg][1], 'allowed-ips', '::/0', stdin=keys[n][0])
        ip('link set wg up', n)
        ip(f'link set {wg} addrgenmode none up')
        self.wait_for_handshake(wg)
        self.endpoint[wg] = (keys[n][1], f'[{end}]:{PORT}')

    @staticmethod
    def wait_for_handshake(wg):
        """The server knows where the host is only after the host's first packet."""
        for _ in range(100):
            if not run('wg', 'show', wg, 'latest-handshakes').rstrip().endswith('\t0'):
                return
            time.sleep(0.1)
        raise RuntimeError(f'{wg}: no handshake')

    def forget_path(self, wg):
        """WireGuard keeps the source and the route of its own packets; now it looks again."""
        peer, endpoint = self.endpoint[wg]
        run('wg', 'set', wg, 'peer', peer, 'endpoint', endpoint)

    # ---- Sixgate

    def write_memory(self, gateways=('eth0', 'wg0', 'wg1'), marks=(), inbound=()):
        """Who is a gateway: while NetworkManager is absent, the remembered ones hold."""
        text = '[memory]\nMarks=%s\nWarned=\n' % ''.join('%d;' % m for m in marks)
        for g in gateways:
            kind = 'ethernet' if g == 'eth0' else 'wireguard'
            via = '' if self.wireguard or g == 'eth0' else 'Gateway6=fe80::1\n'
            of_type = 'inbound-outbound' if g in inbound else 'outbound-only'
            text += (f'[gateway {self.index(g)}]\nName={g}\nKind={kind}\nUuid=\n'
                     f'Type={of_type}\n{via}')
        with open('/run/sixgate/memory', 'w', encoding='utf-8') as f:
            f.write(text)

    @staticmethod
    def device(gateway):
        """What its interface is called now; here it is never renamed."""
        return gateway

    @staticmethod
    def index(device):
        with open(f'/sys/class/net/{device}/ifindex', encoding='ascii') as f:
            return int(f.read())

    @staticmethod
    def reconcile(*words):
        p = subprocess.run([LIBEXEC, *words], capture_output=True, text=True, check=False,
                           timeout=20)
        if p.returncode != 0:
            raise RuntimeError('%s %s: status %d: %s' % (LIBEXEC, ' '.join(words), p.returncode,
                                                         p.stderr.strip()))
        return p.stdout

    def select(self, outbound):
        """Chooses; 'flushed' is wg0 with an empty table, 'incapable' a wg1 without address."""
        name = {'flushed': 'wg0', 'incapable': 'wg1', 'gone': 'wg9'}.get(outbound, outbound)
        ip('addr flush dev wg1' if outbound == 'incapable' else
           f'addr replace {HOST["wg1"]}/128 dev wg1\n'
           f'addr replace {FOR_CONTAINER["wg1"]}/128 dev wg1 preferred_lft 0')
        self.reconcile('--outbound', name)
        if outbound == 'flushed':
            ip('route flush table %d' % (1000 + self.index('wg0')))

    # ---- overrides: sources with a gateway of their own

    def override(self, on, source=SERVICE + '/128', gateway='wg1'):
        """What comes from @source leaves by @gateway only; SERVICE is there as long."""
        word = 'add' if on else 'del'
        if source.startswith(SERVICE):
            ip(f'addr {word} {SERVICE}/64 dev br0')
            ip(f'route {word} 2001:db8:b:c::/64 dev wg', 'vps2')
        self.reconcile(*(['--add-override', f'{source}={gateway}'] if on else
                         ['--remove-override', source]))

    # ---- what left the host

    def watch(self, to=None, port=None):
        """How many packets left by each gateway since the last time, but for the tunnels' own;
        with a port (or some), none of older connections that repeat themselves."""
        ports = {port} if isinstance(port, int) else port
        time.sleep(0.01)
        return {g: sum((to is None or p[1] == to) and (ports is None or p[4] in ports) and
                       PORT not in p[3:]
                       for p in self.agents[agent].packets(device=device))
                for g, (agent, device) in WATCH.items()}


class Tap:
    """Counts and prints; the plan comes last."""
    def __init__(self):
        self.n, self.failed = 0, 0

    def ok(self, good, what, *why):
        self.n += 1
        print('%s %d - %s' % ('ok' if good else 'not ok', self.n, what), flush=True)
        for line in why if not good else ():
            print('#   ' + str(line).replace('\n', '\n#   '), flush=True)
        self.failed += not good
        return good

    def skip(self, what, why):
        self.n += 1
        print('ok %d - %s # SKIP %s' % (self.n, what, why), flush=True)

    def finish(self):
        print('1..%d' % self.n, flush=True)
        sys.exit(self.failed > 0)
