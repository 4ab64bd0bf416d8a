connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: '0uGr1E/iQP48v5DUxKdn4SjErveAWz4OuDtwzy4cWTE='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'Lrc7jox5IA4ESPow/0Itkejd7O+cbiH0wYpbTapLBgI='>, 'preshared-key': <'FCN/YnI1x2thC1DE+bnZz3/cFk5lCf7FxCZAa8yG1K4='>, 'preshared-key-flags': <uint32 0>, 'endpoint': <'203.0.113.10:51820'>, 'persistent-keepalive': <uint32 25>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'10.59.0.2'>, 'prefix': <uint32 24>}
ipv4.never-default: true
ipv4.dns-data: ['10.59.0.1']
ipv4.dns-search: ['~']
ipv4.dns-priority: 10
ipv6.method: 'manual'
ipv6.address-data:
    {'address': <'2001:db8:59::a3b:2'>, 'prefix': <uint32 128>}
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'inbound-outbound'}
