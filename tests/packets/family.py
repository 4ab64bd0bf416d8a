# SPDX-License-Identifier: LGPL-2.1-or-later
"""The family of addresses that the small internet speaks, and who has which address in it.

IPv6; with SIXGATE_TEST_FAMILY=ipv4 the same picture in IPv4. Tests name places, not addresses.
"""
import os
import socket

IPV4 = os.environ.get('SIXGATE_TEST_FAMILY') == 'ipv4'
ICMP = 'ICMP' if IPV4 else 'ICMPv6'
AF = socket.AF_INET if IPV4 else socket.AF_INET6
FLAG = '-4' if IPV4 else '-6'    # of ip(8)
NFT = 'ip' if IPV4 else 'ip6'    # of nft(8), the table's and the header's
HOST_LEN = 32 if IPV4 else 128   # of an address alone
EVERYWHERE = '0.0.0.0/0' if IPV4 else '::/0'
# What claims a network on the LAN: a router advertisement (RFC 4191), DHCP (RFC 3442).
CLAIMS = 'dhcp' if IPV4 else 'ra'

# ---- networks, with their lengths

# The far network is near the LAN's prefix in bits: address selection prefers the LAN's address for
# it (RFC 6724, rule 8), which is what makes an ordinary connect() leak. Of it INJECTED_NET is what
# somebody on the LAN may claim, by itself or within CLAIM_SHORT.
FAR_NET = '203.0.113.0/25' if IPV4 else '2001:db8:3::/64'
INJECTED_NET = '203.0.113.128/25' if IPV4 else '2001:db8:3:1::/64'
CLAIM_SHORT = '192.0.0.0/2' if IPV4 else '2000::/3'
LAN_NET = '192.0.2.0/25' if IPV4 else '2001:db8:1::/64'
BRIDGE_NET = '192.0.2.128/25' if IPV4 else '2001:db8:1:c::/64'
CONTAINER_NET = '172.16.12.0/24' if IPV4 else 'fd00:c::/64'
SHORT_NET = '10.0.0.0/8' if IPV4 else 'fd00::/8'  # as short as a network of neighbours can be
SERVICE_NET = '198.51.100.192/26' if IPV4 else '2001:db8:b:c::/64'
TUNNEL_NET = {'wg0': '198.51.100.0/26' if IPV4 else '2001:db8:a::/64',
              'wg1': '198.51.100.128/26' if IPV4 else '2001:db8:b::/64'}
TRANSFERS = '100.64.0.0/16' if IPV4 else '2001:db8:e0::/44'  # of the Internet itself
CLAIM_AROUND = '192.0.0.0/16' if IPV4 else '2001:db8::/40'  # around INJECTED_NET and LAN_NET
TUN_NET = '10.59.0.0/24' if IPV4 else 'fd00:e::/64'
NEW_BRIDGE_NET = '172.16.18.0/24' if IPV4 else 'fd00:8::/64'
NEW_NET = '192.175.48.0/24' if IPV4 else '2001:db8:f::/64'
NOBODYS = '192.88.99.0/24' if IPV4 else '2001:db8:dead::/48'
OTHERS = '192.31.196.0/24' if IPV4 else '2001:db8:beef::/48'
# what belongs to whom on the Internet
OWNS = {'home': '192.0.2.0/24' if IPV4 else '2001:db8:1::/48',
        'vps': '198.51.100.0/25' if IPV4 else '2001:db8:a::/48',
        'vps2': '198.51.100.128/25' if IPV4 else '2001:db8:b::/48'}

# ---- addresses

FAR = '203.0.113.2' if IPV4 else '2001:db8:3::2'
INJECTED = '203.0.113.130' if IPV4 else '2001:db8:3:1::2'   # the far client, too
LAN_CLIENT = '192.0.2.12' if IPV4 else '2001:db8:1::c'
CONTAINER = '172.16.12.2' if IPV4 else 'fd00:c::2'
CONTAINER_ROUTER = '172.16.12.1' if IPV4 else 'fd00:c::1'  # the host, on the container's bridge
SHORT = '10.77.0.1' if IPV4 else 'fd77::1'
BRIDGE = '192.0.2.129' if IPV4 else '2001:db8:1:c::1'       # of the host, on no gateway
SERVICE = '198.51.100.193' if IPV4 else '2001:db8:b:c::1'   # likewise, and wg1's server routes it here
# gateway: the host's address, the one that is all the container's (deprecated, so that it never
# becomes a source; of IPv4 the second one does not)
HOST = {'eth0': '192.0.2.2', 'wg0': '198.51.100.2', 'wg1': '198.51.100.130'} if IPV4 else \
    {'eth0': '2001:db8:1::2', 'wg0': '2001:db8:a::2', 'wg1': '2001:db8:b::2'}
FOR_CONTAINER = {'eth0': '192.0.2.50', 'wg0': '198.51.100.50', 'wg1': '198.51.100.180'} if IPV4 else \
    {'eth0': '2001:db8:1::d0', 'wg0': '2001:db8:a::d0', 'wg1': '2001:db8:b::d0'}
FAR_ROUTER = '203.0.113.1' if IPV4 else '2001:db8:3::1'
SERVER = {'wg0': '198.51.100.1' if IPV4 else '2001:db8:a::1',  # in the tunnel, at its far end
          'wg1': '198.51.100.129' if IPV4 else '2001:db8:b::1'}
# a resolver in the tunnel, beside the host's own private address there
RESOLVER = '172.30.53.1' if IPV4 else 'fc00:53::1'
RESOLVER_HOST = '172.30.53.2' if IPV4 else 'fc00:53::2'
NEW = '192.175.48.2' if IPV4 else '2001:db8:f::2'  # of the host, on a link that nobody knows yet
NEW_BRIDGE, NEW_CONTAINER = ('172.16.18.1', '172.16.18.2') if IPV4 else ('fd00:8::1', 'fd00:8::2')
TUN_HOST, TUN_DEVICE = ('10.59.0.1', '10.59.0.2') if IPV4 else ('fd00:e::1', 'fd00:e::2')
LOOPBACK = '127.0.0.1' if IPV4 else '::1'
# on the LAN, as next hops: the home router, the client, the host
HOME = '192.0.2.1' if IPV4 else '2001:db8:1::1'
ROUTER = '192.0.2.1' if IPV4 else 'fe80::1'
CLIENT_HOP = LAN_CLIENT if IPV4 else 'fe80::c'
HOST_HOP = HOST['eth0'] if IPV4 else 'fe80::2'
# where a tunnel that is none leads, by NetworkManager's word
TUNNEL_HOP = {'wg0': '169.254.10.1', 'wg1': '169.254.11.1'} if IPV4 else \
    {'wg0': 'fe80::1', 'wg1': 'fe80::1'}
# on eth0 only: the router, everybody
LINK_LOCAL_NET = '169.254.0.0/16' if IPV4 else 'fe80::/10'
LINK_LOCAL_ROUTER = '169.254.0.1/16' if IPV4 else 'fe80::1/64'
LINK_LOCAL = '169.254.0.1%eth0' if IPV4 else 'fe80::1%eth0'
EVERYBODY = '224.0.0.1%eth0' if IPV4 else 'ff02::1%eth0'
DHCP_SERVER = '100.64.1.2'  # the LAN's, behind its router: where a lease is renewed
MDNS = '224.0.0.251' if IPV4 else 'ff02::fb'
GLOBAL_GROUPS = ('224.0.1.1', '232.1.2.3', '233.252.0.1', '238.255.255.255') if IPV4 else \
    ('ff0e::1', 'ff1e::1', 'ff3e::8000:1', 'ff0f::1')

# ---- what a test adds to the LAN and to the containers, and takes away again

SECOND_NET = '198.18.5.0/24' if IPV4 else '2001:db8:1:5::/64'  # another network on the link
SECOND, SECOND_CLIENT = ('198.18.5.2', '198.18.5.12') if IPV4 else \
    ('2001:db8:1:5::2', '2001:db8:1:5::c')
BEHIND_NET = '198.18.6.0/24' if IPV4 else '2001:db8:1:6::/64'  # behind the client
BEHIND = '198.18.6.1' if IPV4 else '2001:db8:1:6::1'
# containers' own: of the tunnel, of the LAN
ROUTED_NET = '198.51.100.64/28' if IPV4 else '2001:db8:a:c::/64'
ROUTED_HOST, ROUTED = ('198.51.100.65', '198.51.100.66') if IPV4 else \
    ('2001:db8:a:c::1', '2001:db8:a:c::2')
LAN_ROUTED_NET = '192.0.2.192/28' if IPV4 else '2001:db8:1:7::/64'
LAN_ROUTED_HOST, LAN_ROUTED = ('192.0.2.193', '192.0.2.194') if IPV4 else \
    ('2001:db8:1:7::1', '2001:db8:1:7::2')


def with_length(address, network):
    """@address as ip(8) has it on an interface in @network."""
    return address + '/' + network.split('/')[1]


def alone(address):
    return f'{address}/{HOST_LEN}'


def with_port(address, port):
    return f'{address}:{port}' if IPV4 else f'[{address}]:{port}'


def transfer(number, end):
    """Between the Internet's router (@end 1) and who is joined to it by link @number."""
    return f'100.64.{number}.{end}/24' if IPV4 else f'2001:db8:e{number}::{end}/64'
