connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: 'DkY8QwN6SOlrhXcuTxnYmX5+qADDni9sS3t3OfZqji0='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'uX3h9EJgmL5NqQLUD1jeEcMYqvjUgTEeLTfYuuO91eo='>, 'preshared-key': <'waM1OiYnpusf5JBNHSU2vGgm/Y4cyUdRson+h/2z+p8='>, 'preshared-key-flags': <uint32 0>, 'endpoint': <'nl.wg.example.net:2049'>, 'persistent-keepalive': <uint32 25>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'172.22.10.31'>, 'prefix': <uint32 32>}
ipv4.never-default: true
ipv6.method: 'manual'
ipv6.address-data:
    {'address': <'fd00:4956:504e:ffff::ac16:a1f'>, 'prefix': <uint32 128>}
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'outbound-only', 'sixgate.dns': '172.16.0.1'}
# ivpn: DNS = 172.16.0.1 is kept in the profile and asked only while the gateway is the selected outbound, by systemd-resolved
