connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: 'cZMz8eKNfQiLXHQ9/Spk0vropzoF7r5F+2bLvCtC77s='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'bQeFJ8BwBNIT6u1WNxxKWz4gK6H9pBJZAP71SiYpFSM='>, 'endpoint': <'192.0.2.99:51820'>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'10.2.0.2'>, 'prefix': <uint32 32>}
ipv4.never-default: true
ipv6.method: 'disabled'
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'outbound-only', 'sixgate.dns': '10.2.0.1'}
# proton: DNS = 10.2.0.1 is kept in the profile and asked only while the gateway is the selected outbound, by systemd-resolved
