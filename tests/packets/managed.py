# SPDX-License-Identifier: LGPL-2.1-or-later
"""The small internet around a host whose links are a real NetworkManager's: a LAN that is static, by
router advertisements or by DHCPv6, and tunnels by profiles. In the guest the tunnels are WireGuard's
and imported, NetworkManager is systemd's, and our units run; in tests/nm they are pairs with
ethernet profiles, and nothing but the dispatcher runs us.
"""
import os
import subprocess
import time

from internet import FOR_CONTAINER, HERE, HOST, PORT, WATCH, Internet, ip, run, sysctl

IN_GUEST = 'SIXGATE_IN_GUEST' in os.environ
FILES = '/run/sixgate-matrix'
SERVER_LOG = FILES + '/server.log'
ROUTER = 'fe80::1'
FAR_NET = '2001:db8:3::/64'
# what the Internet is joined by in IPv4: (namespace, its end); the other end is one less
IPV4 = {'home': '198.51.100.2', 'vps': '198.51.100.6', 'vps2': '198.51.100.10'}
IPV6 = {'vps': '2001:db8:e2::2', 'vps2': '2001:db8:e3::2'}
NETWORKMANAGER_CONF = '''
[main]
no-auto-default=*
[keyfile]
unmanaged-devices=*,except:interface-name:eth0,except:interface-name:wg*
[device-matrix]
match-device=interface-name:eth0,interface-name:wg*
managed=1
'''
RADVD_CONF = '''
interface lan {
    AdvSendAdvert on; MinRtrAdvInterval 30; MaxRtrAdvInterval 60;
    prefix 2001:db8:1::/64 { AdvOnLink on; AdvAutonomous on; };
};
'''
# kind of LAN: its words, the host's profile, the server in the home router
LANS = {
    'static': ('a static LAN', ('manual', 'ipv6.addresses', HOST['eth0'] + '/64', 'ipv6.gateway',
                                ROUTER), ()),
    'slaac': ('a LAN by router advertisements, privacy addresses too',
              ('auto', 'ipv6.addr-gen-mode', 'eui64', 'ipv6.token', '::2', 'ipv6.ip6-privacy', '2'),
              ('radvd', '-n', '-C', FILES + '/radvd.conf', '-p', FILES + '/radvd.pid', '-m',
               'stderr')),
    'dhcpv6': ('a LAN by DHCPv6', ('auto', 'ipv6.addr-gen-mode', 'eui64'),
               ('dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--user=root',
                '--port=0', '--interface=lan', '--enable-ra', '--pid-file=',
                '--dhcp-leasefile=' + FILES + '/leases',
                f'--dhcp-range={HOST["eth0"]},{HOST["eth0"]},64,2m')),
}


def until(good, seconds=30):
    """Polls: a fixed sleep is either too short or too slow. In the guest asking takes its time."""
    end = time.monotonic() + seconds
    while not good():
        if time.monotonic() > end:
            return False
        time.sleep(0.3 if IN_GUEST else 0.1)
    return True


def lines(*words):
    return run(*words, check=False).splitlines()


class WireguardTunnels:
    """Imported by nmcli, as the owner of the server hands them out."""
    PROFILES = {'full': 'a native full tunnel', 'split': 'a native tunnel to the far network only',
                'ours': 'a tunnel imported by us'}
    OVER = {6: 'over IPv6', 4: 'over IPv4'}

    def __init__(self):
        for wg in ('wg0', 'wg1'):
            agent, device = WATCH[wg]
            own, server = run('wg', 'genkey'), run('wg', 'genkey')
            setattr(self, wg, (own, run('wg', 'pubkey', stdin=server).strip()))
            net = HOST[wg][:-1]
            ip(f'link add {device} type wireguard', agent)
            run('ip', 'netns', 'exec', agent, 'wg', 'set', device, 'listen-port', str(PORT),
                'private-key', '/dev/stdin', 'peer', run('wg', 'pubkey', stdin=own).strip(),
                'allowed-ips', '::/0', stdin=server)
            ip(f'link set {device} up\naddr add {net}1/128 dev {device}\nroute add {net}/64 dev {device}',
               agent)

    def add(self, wg, profile, over):
        own, server = getattr(self, wg)
        agent = WATCH[wg][0]
        end = f'[{IPV6[agent]}]' if over == 6 else IPV4[agent]
        allowed = f'{HOST[wg][:-1]}/64, {FAR_NET}' if profile == 'split' else '::/0'
        with open(f'{FILES}/{wg}.conf', 'w', encoding='ascii') as f:
            f.write(f'[Interface]\nPrivateKey = {own}Address = {HOST[wg]}/128\n'
                    f'[Peer]\nPublicKey = {server}\nEndpoint = {end}:{PORT}\n'
                    f'AllowedIPs = {allowed}\nPersistentKeepalive = 5\n')
        kind = 'sixgate' if profile == 'ours' else 'wireguard'
        run('nmcli', 'connection', 'import', 'type', kind, 'file', f'{FILES}/{wg}.conf')

    @staticmethod
    def carries(wg):
        """The server knows where the host is only after the host's first packet."""
        out = run('wg', 'show', wg, 'latest-handshakes', check=False)
        return out.strip() and not out.rstrip().endswith('\t0')

    @staticmethod
    def heard_again(wg):
        """The server learns where the host is now by the next keepalive: whether one came."""
        agent, device = WATCH[wg]

        def received():
            return int(run('ip', 'netns', 'exec', agent, 'wg', 'show', device, 'transfer').split()[1])
        before = received()
        return until(lambda: received() > before)


class PairTunnels:
    """Where the kernel has no WireGuard: pairs with one hardware address and no neighbour discovery.
    To NetworkManager they are ethernets, with a default route of main or without."""
    PROFILES = {'full': "a gateway whose default is behind the LAN's",
                'split': 'a gateway to the far network only',
                'before': "a gateway whose default is before the LAN's"}
    OVER = {0: 'without encapsulation'}
    SETTINGS = {'full': ('ipv6.gateway', ROUTER, 'ipv6.route-metric', '50{}'),
                'split': ('ipv6.never-default', 'yes', 'ipv6.routes', f'{FAR_NET} {ROUTER}'),
                'before': ('ipv6.gateway', ROUTER, 'ipv6.route-metric', '1{}')}

    def __init__(self):
        for wg in ('wg0', 'wg1'):
            self.make_link(wg)

    def add(self, wg, profile, _over):
        settings = [s.format(wg[-1]) for s in self.SETTINGS[profile]]
        run('nmcli', 'connection', 'add', 'type', 'ethernet', 'con-name', wg, 'ifname', wg,
            'ipv4.method', 'disabled', 'ipv6.method', 'manual', 'ipv6.addresses',
            HOST[wg] + '/128', *settings)

    @staticmethod
    def make_link(wg):
        agent, device = WATCH[wg]
        mac, net = 'address 02:00:00:00:00:a0', HOST[wg][:-1]
        ip(f'link add {wg} {mac} type veth peer name {device} {mac} netns {agent}\n'
           f'link set {wg} arp off addrgenmode none')
        ip(f'link set {device} arp off addrgenmode none up\naddr add {net}1/128 dev {device}\n'
           f'route add {net}/64 dev {device}', agent)

    @staticmethod
    def carries(_wg):
        return True

    @staticmethod
    def heard_again(_wg):
        return True


class Managed(Internet):
    def __init__(self):
        os.makedirs(FILES, exist_ok=True)
        with open(FILES + '/radvd.conf', 'w', encoding='ascii') as f:
            f.write(RADVD_CONF)
        self.names, self.server, self.gateways = {}, None, ()
        with open('/etc/NetworkManager/conf.d/matrix.conf', 'w', encoding='ascii') as f:
            f.write(NETWORKMANAGER_CONF)
        if IN_GUEST:
            self.stop_networkmanager()
        super().__init__()
        if IN_GUEST:
            run('systemctl', 'enable', '--now', 'sixgate-boot.service',
                'sixgate-reconcile.service', 'sixgate-reconcile.timer')
        self.start_networkmanager()

    def build_outside(self):
        super().build_outside()
        for n, address in IPV4.items():
            other = address[:-len(address.rsplit('.', maxsplit=1)[1])] + \
                str(int(address.rsplit('.', maxsplit=1)[1]) - 1)
            run('ip', '-n', n, 'addr', 'add', address + '/30', 'dev', 'wan')
            run('ip', '-n', 'inet', 'addr', 'add', other + '/30', 'dev', n)
            run('ip', '-n', n, 'route', 'add', 'default', 'via', other)
        run('ip', '-n', 'home', 'addr', 'add', '192.0.2.1/24', 'dev', 'lan')
        run('ip', '-n', 'inet', 'route', 'add', '192.0.2.0/24', 'via', IPV4['home'])
        for n in ('inet', 'home'):
            sysctl(n, 'net.ipv4.ip_forward=1')

    @staticmethod
    def real_addresses():
        """Addresses are tentative at first, as they are in real life, but not for a second."""
        sysctl(None, *(f'net.ipv6.conf.{d}.{s}' for d in ('default', 'eth0') for s in
                       ('dad_transmits=1', 'accept_dad=1', 'router_solicitation_delay=0')),
               'net.ipv6.neigh.eth0.retrans_time_ms=200')

    def build_host(self):
        self.real_addresses()
        self.build_container()
        self.tunnels = WireguardTunnels() if self.wireguard else PairTunnels()

    def device(self, gateway):
        return self.names.get(gateway, gateway)

    # ---- NetworkManager

    @staticmethod
    def stop_networkmanager():
        if IN_GUEST:
            run('systemctl', 'stop', 'NetworkManager')
        else:
            run('sh', '-c', 'kill $(pidof NetworkManager)')
            until(lambda: not lines('pidof', 'NetworkManager'))

    @staticmethod
    def start_networkmanager():
        if IN_GUEST:
            run('systemctl', 'start', 'NetworkManager')
        else:
            run('bash', '-c', f'. {HERE}/../nm/lib.sh; nm_start >/dev/null 2>&1')

    def set_up(self, lan, profile, tunnels, over):
        """The host gets a LAN of that kind, and so many tunnels of that kind; as wait_for()."""
        self.gateways = ('eth0', 'wg0', 'wg1')[:1 + tunnels]
        _, settings, server = LANS[lan]
        if server:
            with open(SERVER_LOG, 'w', encoding='utf-8') as log:
                self.server = subprocess.Popen(('ip', 'netns', 'exec', 'home') + server,
                                               stdout=log, stderr=log)
        # With IPv4 the LAN is up before its router has said anything, and no event of NetworkManager
        # tells of that: it takes the sockets of systemd.
        ipv4 = ('manual', 'ipv4.addresses', '192.0.2.2/24', 'ipv4.gateway', '192.0.2.1')
        run('nmcli', 'connection', 'add', 'type', 'ethernet', 'con-name', 'eth0', 'ifname', 'eth0',
            'ipv4.method', *(ipv4 if IN_GUEST else ('disabled',)),
            'ipv6.routes', f'fd00::/8 {ROUTER} 50', 'ipv6.method', *settings)
        good = self.wait_for('eth0')
        # The second one of a split tunnel is a whole one.
        for wg, kind in zip(self.gateways[1:], (profile, 'full' if profile == 'split' else profile)):
            self.tunnels.add(wg, kind, over)
            good = self.wait_for(wg) and good
        return good

    def activate(self, gateway):
        run('nmcli', '--wait', '30', 'connection', 'up', gateway)
        return self.wait_for(gateway)

    def wait_for(self, gateway):
        """Whether what is there is what should be, without anybody's help, once it is up."""
        if not until(lambda: self.is_up(gateway)):
            raise RuntimeError(f'{gateway} does not come up: ' + run('ip', 'addr') +
                               run('cat', SERVER_LOG, check=False))
        good = self.settled()
        # A container engine adds an address that no profile has.
        ip(f'addr replace {FOR_CONTAINER[gateway]}/128 dev {gateway} preferred_lft 0 nodad')
        return self.settled(by_hand=True) and good

    @staticmethod
    def active(gateway):
        return f'{gateway}:activated' in lines('nmcli', '-t', '-f', 'NAME,STATE', 'connection',
                                               'show', '--active')

    def is_up(self, gateway):
        """What costs least is asked first: in the guest a call of nmcli takes a third of a second."""
        addresses = lines('ip', '-6', '-o', 'addr', 'show', 'dev', gateway)
        return (any(f' {HOST[gateway]}/' in a and 'tentative' not in a for a in addresses) and
                (gateway == 'eth0' or self.tunnels.carries(gateway)) and self.active(gateway))

    def tear_down(self):
        self.reconcile('--outbound', 'auto')
        for gateway in self.gateways:
            run('nmcli', 'connection', 'delete', gateway, check=False)
        # From 1.52 on NetworkManager may leave a table of nftables behind.
        for table in lines('nft', 'list', 'tables'):
            if 'nm-wg-' in table:
                run('nft', 'delete', *table.split(), check=False)
        if self.server:
            self.server.terminate()
            self.server.wait()
            self.server = None

    def make_again(self, gateway):
        if not self.wireguard:
            self.tunnels.make_link(gateway)
            agent, device = WATCH[gateway]
            self.agents[agent].sniff(device=device)
        return self.activate(gateway)

    def replug_lan(self, meanwhile):
        """The same adapter, so with the same hardware address, but a new interface."""
        agent, port = WATCH['eth0']
        with open('/sys/class/net/eth0/address', encoding='ascii') as f:
            mac = f.read().strip()
        ip('link del eth0')
        meanwhile()
        ip(f'link add eth0 address {mac} type veth peer name {port} netns {agent}')
        self.real_addresses()
        ip(f'link set {port} master lan up', agent)
        self.agents[agent].sniff(device=port)

    def rename(self, gateway, name):
        run('ip', 'link', 'set', self.device(gateway), 'name', name)
        self.names[gateway] = name
        # Who looks by hand, because nothing listens here, looks when NetworkManager knows the new name.
        if not IN_GUEST and not until(lambda: f'{name}:connected' in lines('nmcli', '-t', '-f', 'DEVICE,STATE', 'device')):
            raise RuntimeError(f'NetworkManager does not know {name}: ' + run('nmcli', 'device'))

    # ---- Sixgate

    def settled(self, by_hand=False):
        """Whether what is there is what should be, without anybody's help; but where no systemd listens
        to the kernel, no event tells of some things (@by_hand)."""
        if by_hand and not IN_GUEST:
            self.reconcile()
        return until(lambda: not self.reconcile('--dry-run').strip())
