connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: 'S0NuLv6gVGd0ChHjpG8ta7TfLwB6m+Ec6QeU9R2Ka68='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'SbL9NeJm7QZJk2YqLv8XpYnn+2Eayr/McQq/aImvmN8='>, 'endpoint': <'203.0.113.77:51821'>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'192.168.4.3'>, 'prefix': <uint32 32>}
ipv4.never-default: true
ipv6.method: 'disabled'
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'outbound-only', 'sixgate.dns': '192.168.4.1'}
# unifi: DNS = 192.168.4.1 is kept in the profile and asked only while the gateway is the selected outbound, by systemd-resolved
