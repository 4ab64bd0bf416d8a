connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: 'XMDWUmn4SqS4nCmu2+MIZan5gXVEmdYM+BoIlWTtZlc='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'s4FR2GUDcTFMNQh0HXKt81TLyKAfEWv4hVz55szJEVE='>, 'preshared-key': <'XD92CAXMXPqhr4jOF+xtKB4B4gfXJHxm9aFkG7IuURg='>, 'preshared-key-flags': <uint32 0>, 'endpoint': <'[2001:db8:0b::1]:51820'>, 'persistent-keepalive': <uint32 15>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'10.10.10.2'>, 'prefix': <uint32 32>}
ipv4.never-default: true
ipv6.method: 'manual'
ipv6.address-data:
    {'address': <'fd10:10:10::2'>, 'prefix': <uint32 128>}
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'outbound-only', 'sixgate.dns': '10.10.10.1', 'sixgate.dns-search': 'lan.example.net'}
# opnsense: DNS = 10.10.10.1 is kept in the profile and asked only while the gateway is the selected outbound, by systemd-resolved
