# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small internet in network namespaces; see README.md for the picture.

Sixgate's host is the namespace of the caller, which must be a private one (see `enter`).
"""
import ast
import os
import subprocess
import sys
import time

from family import (  # what tests name is there for them, too
    BRIDGE, BRIDGE_NET, CLAIMS, CLIENT_HOP, CONTAINER, CONTAINER_NET, CONTAINER_ROUTER, EVERYWHERE,
    FAR, FAR_NET, FAR_ROUTER, FLAG, FOR_CONTAINER, HOME, HOST, HOST_HOP, INJECTED, INJECTED_NET, IPV4,
    LAN_CLIENT, LAN_NET, LINK_LOCAL_NET, LINK_LOCAL_ROUTER, NFT, OWNS, ROUTER, SERVER, SERVICE,
    SERVICE_NET, SHORT, SHORT_NET, TUNNEL_HOP, TUNNEL_NET, alone, transfer, with_length, with_port)

HERE = os.path.dirname(os.path.abspath(__file__))
# gateway: who sees its packets where
WATCH = {'eth0': ('home', 'port0'), 'wg0': ('vps', 'wg'), 'wg1': ('vps2', 'wg')}
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
    run('ip', *where, FLAG, '-batch', '-', stdin=script)


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
                   *(self.ipv4_settings(n) if IPV4 else ()),
                   # nobody's source by chance: by this port watch() knows the tunnels' own packets
                   f'net.ipv4.ip_local_reserved_ports={PORT}')
            ip('link set lo up', n)
        if IPV4:
            self.route_both()
        self.build_outside()
        self.build_host()
        self.agents = {n: Agent(n) for n in ('far', 'home', 'lan', 'vps', 'vps2', 'ctr')}
        self.agents['host'] = Agent(None)
        for n in ('far', 'lan', 'ctr', 'host', 'home'):
            self.agents[n].serve()
        for agent, device in WATCH.values():
            self.agents[agent].sniff(device=device)

    @staticmethod
    def ipv4_settings(n):
        """The host's reverse path filter is strict, where it hurts."""
        return ('net.ipv4.conf.all.forwarding=%d' % (n not in ('far', 'lan', 'ctr')),
                'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=%d' % (n is None),
                'net.ipv4.conf.all.send_redirects=0', 'net.ipv4.conf.default.send_redirects=0',
                'net.ipv4.icmp_ratemask=0', 'net.ipv4.icmp_echo_ignore_broadcasts=0')

    @staticmethod
    def filter_sources(value):
        """The reverse path filter of the host's gateways (RFC 3704): 0 off, 1 strict, 2 loose."""
        sysctl(None, *(f'net.ipv4.conf.{g}.rp_filter={value}' for g in HOST))

    @staticmethod
    def route_both(ipv4=True):
        with open('/etc/sixgate/sixgate.conf', 'w', encoding='utf-8') as f:
            f.write('[sixgate]\nFamilies=ipv6%s\n' % (' ipv4' if ipv4 else ''))

    def build_outside(self):
        ip('link add wan type veth peer name far netns inet\nlink set wan up\n'
           f'addr add {with_length(FAR, FAR_NET)} dev wan\n'
           f'addr add {with_length(INJECTED, INJECTED_NET)} dev wan preferred_lft 0\n'
           f'route add default via {FAR_ROUTER}', 'far')
        for number, n in enumerate(('home', 'vps', 'vps2'), start=1):
            ip(f'link add wan type veth peer name {n} netns inet\nlink set wan up\n'
               f'addr add {transfer(number, 2)} dev wan\nroute add default via '
               f'{transfer(number, 1).split("/")[0]}', n)
            ip(f'link set {n} up\naddr add {transfer(number, 1)} dev {n}\n'
               f'route add {OWNS[n]} via {transfer(number, 2).split("/")[0]}', 'inet')
        ip(f'link set far up\naddr add {with_length(FAR_ROUTER, FAR_NET)} dev far\n'
           f'route add {INJECTED_NET} via {FAR}', 'inet')
        ip('link add lan address 02:00:00:00:00:01 type bridge\nlink set lan up\n'
           f'addr add {with_length(HOME, LAN_NET)} dev lan\n'
           f'addr add {LINK_LOCAL_ROUTER} dev lan\nlink add port0 type veth peer name eth0\n'
           'link add port1 type veth peer name eth0 netns lan\n'
           'link set port0 master lan up\nlink set port1 master lan up\n'
           f'addr add {alone(SHORT)} dev lo\nroute add {BRIDGE_NET} via {HOST_HOP} dev lan', 'home')
        run('ip', '-n', 'home', 'link', 'set', 'eth0', 'netns', str(os.getpid()))
        ip(f'link set eth0 up\naddr add {with_length(LAN_CLIENT, LAN_NET)} dev eth0\n' +
           ('' if IPV4 else f'addr add {CLIENT_HOP}/64 dev eth0\n') +
           f'route add default via {ROUTER} dev eth0', 'lan')
        # Strict neighbours, as on the real Internet: nobody forwards a source that is not his,
        # and a server's firewall wants to see a connection from its beginning.
        for n, device, own in (('home', 'lan', '{ %s, %s }' % (OWNS['home'], LINK_LOCAL_NET)),
                               ('vps', 'wg', OWNS['vps']), ('vps2', 'wg', OWNS['vps2'])):
            run('ip', 'netns', 'exec', n, 'nft', '-f', '-', stdin=f'''
                table {NFT} fw {{
                    chain forward {{ type filter hook forward priority filter; policy accept;
                        iifname "{device}" oifname "{device}" accept  # bridged, where that counts
                        iifname "{device}" {NFT} saddr != {own} drop
                        ct state new tcp flags & (syn | ack) != syn drop
                        ct state invalid drop
                    }}
                }}''')

    def build_host(self):
        ip('link set eth0 up\n' + ('' if IPV4 else f'addr add {HOST_HOP}/64 dev eth0\n') +
           # a lease, where addresses come by DHCP
           f'addr add {with_length(HOST["eth0"], LAN_NET)} dev eth0 noprefixroute'
           f'{" valid_lft 7200 preferred_lft 7200" if IPV4 else ""}\n'
           f'addr add {with_length(FOR_CONTAINER["eth0"], LAN_NET)} dev eth0 noprefixroute preferred_lft 0\n'
           f'route add {LAN_NET} dev eth0 proto {"kernel" if IPV4 else "ra"} metric 100\n'
           f'route add default via {ROUTER} dev eth0 proto {CLAIMS} metric 100\n'
           f'route add {SHORT_NET} via {ROUTER} dev eth0 proto static metric 50')
        self.build_container()
        for wg, n in (('wg0', 'vps'), ('wg1', 'vps2')):
            self.add_tunnel(wg, n)

    @staticmethod
    def build_container():
        """A container that is reached by a port of each address, or by an address of its own: as
        a container engine would have it, and nothing of ours."""
        ip('link add br0 type bridge\nlink set br0 up\n'
           f'addr add {with_length(CONTAINER_ROUTER, CONTAINER_NET)} dev br0\n'
           f'addr add {with_length(BRIDGE, BRIDGE_NET)} dev br0\n'
           'link add c0 type veth peer name eth0 netns ctr\nlink set c0 master br0 up')
        ip(f'link set eth0 up\naddr add {with_length(CONTAINER, CONTAINER_NET)} dev eth0\n'
           f'route add default via {CONTAINER_ROUTER}', 'ctr')
        addresses = ', '.join(FOR_CONTAINER.values())
        hosts = ', '.join(HOST.values())
        run('nft', '-f', '-', stdin=f'''
            table {NFT} engine {{
                chain pre {{ type nat hook prerouting priority dstnat;
                    {NFT} daddr {{ {addresses} }} dnat to {CONTAINER}
                    {NFT} daddr {{ {hosts} }} tcp dport 8080 dnat to {with_port(CONTAINER, 7)}
                    {NFT} daddr {{ {hosts} }} udp dport 8080 dnat to {with_port(CONTAINER, 7)}
                    {NFT} daddr {{ {hosts} }} udp dport 8081 dnat to {with_port(CONTAINER, 9)}
                }}
                chain post {{ type nat hook postrouting priority srcnat;
                    {NFT} saddr {CONTAINER_NET} oifname {{ "eth0", "wg0", "wg1" }} masquerade
                }}
            }}''')

    def addresses_of(self, wg):
        """What ip(8) is told so that a tunnel has its addresses; IPv4 takes routes with the last."""
        hop = f'\nroute replace {alone(TUNNEL_HOP[wg])} dev {wg}' \
            if IPV4 and not self.wireguard else ''
        return (f'addr replace {alone(HOST[wg])} dev {wg}\n'
                f'addr replace {alone(FOR_CONTAINER[wg])} dev {wg} preferred_lft 0{hop}')

    def add_tunnel(self, wg, n):
        if self.wireguard:
            self.add_wireguard(wg, n)
        else:
            # Both ends with the same address and no neighbour discovery: like WireGuard.
            mac = 'address 02:00:00:00:00:a0'
            ip(f'link add {wg} {mac} type veth peer name wg {mac} netns {n}\n'
               f'link set {wg} arp off addrgenmode none up')
            ip('link set wg arp off up', n)
        ip(self.addresses_of(wg))
        ip(f'addr add {alone(SERVER[wg])} dev wg\nroute add {TUNNEL_NET[wg]} dev wg', n)

    def add_wireguard(self, wg, n):
        keys = {}
        for end in (wg, n):
            private = run('wg', 'genkey')
            keys[end] = (private, run('wg', 'pubkey', stdin=private).strip())
        run('ip', 'link', 'add', wg, 'type', 'wireguard')
        run('ip', '-n', n, 'link', 'add', 'wg', 'type', 'wireguard')
        end = with_port(transfer({'vps': 2, 'vps2': 3}[n], 2).split('/')[0], PORT)
        run('wg', 'set', wg, 'private-key', '/dev/stdin', 'peer', keys[n][1], 'endpoint', end,
            'allowed-ips', EVERYWHERE, 'persistent-keepalive', '5', stdin=keys[wg][0])
        run('ip', 'netns', 'exec', n, 'wg', 'set', 'wg', 'listen-port', str(PORT), 'private-key',
            '/dev/stdin', 'peer', keys[wg][1], 'allowed-ips', EVERYWHERE, stdin=keys[n][0])
        ip('link set wg up', n)
        ip(f'link set {wg} addrgenmode none up')
        self.wait_for_handshake(wg)
        self.endpoint[wg] = (keys[n][1], end)

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
            via = '' if self.wireguard or g not in TUNNEL_HOP else \
                f'Gateway{4 if IPV4 else 6}={TUNNEL_HOP[g]}\n'
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
        ip('addr flush dev wg1' if outbound == 'incapable' else self.addresses_of('wg1'))
        self.reconcile('--outbound', name)
        if outbound == 'flushed':
            ip('route flush table %d' % (1000 + self.index('wg0')))

    # ---- overrides: sources with a gateway of their own

    def override(self, on, source=alone(SERVICE), gateway='wg1'):
        """What comes from @source leaves by @gateway only; SERVICE is there as long."""
        word = 'add' if on else 'del'
        if source.startswith(SERVICE):
            ip(f'addr {word} {with_length(SERVICE, SERVICE_NET)} dev br0')
            ip(f'route {word} {SERVICE_NET} dev wg', 'vps2')
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
