connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: 'OjkRRKCHu4I4lrQ4hOF40cR9sC5h4L+99KInyzALzLQ='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'WFFtm2fut2Yb5iYJcTrl32Zn0w655P8CAKho6HaPsWI='>, 'endpoint': <'198.51.100.68:51820'>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'10.71.180.22'>, 'prefix': <uint32 32>}
ipv4.never-default: true
ipv6.method: 'manual'
ipv6.address-data:
    {'address': <'fc00:bbbb:bbbb:bb01::8:b415'>, 'prefix': <uint32 128>}
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'outbound-only', 'sixgate.dns': '10.64.0.1'}
# mullvad: DNS = 10.64.0.1 is kept in the profile and asked only while the gateway is the selected outbound, by systemd-resolved
