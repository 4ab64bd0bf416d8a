connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: 'MmBMpX3BOx4JvRwgFfoIjNcwc/XgSHERoSyaLMdkYMM='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'yaa64W9CR6P5ODClj+2XERnOnLf38efwob6OQJKB6O4='>, 'endpoint': <'[2001:db8::6]:443'>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'disabled'
ipv4.never-default: true
ipv6.method: 'manual'
ipv6.address-data:
    {'address': <'2001:db8:6::2'>, 'prefix': <uint32 64>}
ipv6.never-default: true
ipv6.dns-data: ['2001:db8:6::1']
ipv6.dns-search: ['corp.example.com']
ipv6.dns-priority: 10
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'inbound-outbound'}
