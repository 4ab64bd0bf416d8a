connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: 'DnpFlvbU2rSqcpTWO+JrT8BajHwhmbIOuVdJtLERlhg='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.mtu: 1420
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'YRB7EI2ErrrO1FhHRyxk8q1JQlx4IvFe9cFX/yGKVQs='>, 'endpoint': <'198.51.100.7:51821'>, 'persistent-keepalive': <uint32 20>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'10.101.0.5'>, 'prefix': <uint32 32>}
ipv4.never-default: true
ipv6.method: 'manual'
ipv6.address-data:
    {'address': <'fd9b:3c::5'>, 'prefix': <uint32 128>}
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'outbound-only', 'sixgate.dns': '8.8.8.8, 8.8.4.4'}
# netmaker.conf:6: PostUp is not run; NetworkManager's dispatcher can run a script instead
# netmaker.conf:7: PostDown is not run; NetworkManager's dispatcher can run a script instead
# netmaker: DNS = 8.8.8.8, 8.8.4.4 is kept in the profile and asked only while the gateway is the selected outbound, by systemd-resolved
