connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: 'cRisVUMtYc9pwJVH2hLDdOzgBi9CBqVgq+ecKJG3jfM='
wireguard.private-key-flags: 0
wireguard.listen-port: 51820
wireguard.fwmark: 51820
wireguard.mtu: 1412
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'M1P/F5qPLrfKZU4s1kwzMwTD1SfSI24dFQd2XVyOOfU='>, 'endpoint': <'[2001:db8:51::1]:51820'>, 'allowed-ips': <['10.192.122.0/24', 'fd42:192:122::/64']>}
    {'public-key': <'BHQ7VIisaho+Q45RJRpBvjsZf41+2IOtxU2lHVtYj2Q='>, 'preshared-key': <'1ly7qAfLQ78yPe2Wt68/e6MJH50D4J9+DCzV/OT0UZs='>, 'preshared-key-flags': <uint32 0>, 'endpoint': <'peer.example.com:51821'>, 'allowed-ips': <['10.192.124.0/24']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'10.192.122.3'>, 'prefix': <uint32 24>}
    {'address': <'10.10.0.1'>, 'prefix': <uint32 16>}
ipv4.never-default: true
ipv6.method: 'manual'
ipv6.address-data:
    {'address': <'fd42:192:122::3'>, 'prefix': <uint32 64>}
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'outbound-only', 'sixgate.dns': '10.192.122.1, fd42:192:122::1', 'sixgate.dns-search': 'lan.example.com'}
# wg-quick.conf:9: SaveConfig is not followed: what changes at run time is not written into the profile
# wg-quick.conf:10: Table is not followed: every gateway has a table of its own, and the outbound is chosen
# wg-quick.conf:11: PostUp is not run; NetworkManager's dispatcher can run a script instead
# wg-quick.conf:13: PostDown is not run; NetworkManager's dispatcher can run a script instead
# wg-quick.conf:14: PreUp is not run; NetworkManager's dispatcher can run a script instead
# wg-quick.conf:15: PreDown is not run; NetworkManager's dispatcher can run a script instead
# wg-quick: DNS = 10.192.122.1, fd42:192:122::1 is kept in the profile and asked only while the gateway is the selected outbound, by systemd-resolved
