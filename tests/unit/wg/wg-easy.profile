connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: '3UBKeL0N/FlCgTZ1Wm2VFzhr7ze0naTKYHbEJ8e2/Ag='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'0hPRn1wFDasifG5aGahBHMipWWmWZ7hCZMXUgY0CZJU='>, 'preshared-key': <'kog8imRPDVchEMroAdaWJUUs8vKWYXXcz2YdXqTtPE4='>, 'preshared-key-flags': <uint32 0>, 'endpoint': <'wg.example.org:51820'>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'10.8.0.4'>, 'prefix': <uint32 24>}
ipv4.never-default: true
ipv6.method: 'disabled'
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'outbound-only', 'sixgate.dns': '1.1.1.1'}
# wg-easy: DNS = 1.1.1.1 is kept in the profile and asked only while the gateway is the selected outbound, by systemd-resolved
