connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: 'xXTVDTbxqr+RtqFIgd6k1V0hGFF2nwrlTLiiHZZMPpo='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'Gwk59AaXVE2+pH/hZ8BCMB8uDP6V6rmkfVGJ3ymzpa8='>, 'preshared-key': <'O5W3yTm80IAkS0l8ylJCSnPZ8X8V/rDJf5+E/qoQLG4='>, 'preshared-key-flags': <uint32 0>, 'endpoint': <'abcdefgh12345678.myfritz.example:58312'>, 'persistent-keepalive': <uint32 25>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'192.168.178.201'>, 'prefix': <uint32 24>}
ipv4.never-default: true
ipv6.method: 'manual'
ipv6.address-data:
    {'address': <'fd12:3456:789a::201'>, 'prefix': <uint32 64>}
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'outbound-only', 'sixgate.dns': '192.168.178.1, fd12:3456:789a:0:3ea6:2fff:fe00:1', 'sixgate.dns-search': 'fritz.box'}
# fritzbox: DNS = 192.168.178.1, fd12:3456:789a:0:3ea6:2fff:fe00:1 is kept in the profile and asked only while the gateway is the selected outbound, by systemd-resolved
