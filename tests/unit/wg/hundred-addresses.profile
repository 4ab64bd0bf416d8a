connection.type: 'wireguard'
connection.id: 'wg0'
connection.interface-name: 'wg0'
wireguard.private-key: 'S0cM/MmRtv+5gE+AHUXC9avXhI3gdB+Ol3XCFfkKCcw='
wireguard.private-key-flags: 0
wireguard.fwmark: 1936291943
wireguard.ip4-auto-default-route: 0
wireguard.ip6-auto-default-route: 0
wireguard.peer-routes: false
wireguard.peers:
    {'public-key': <'tyD2Ih3BDA1ZVQczdNaGHH+CRInxTwzicALT7rxhzr8='>, 'endpoint': <'203.0.113.100:51820'>, 'allowed-ips': <['0.0.0.0/0', '::/0']>}
ipv4.method: 'manual'
ipv4.address-data:
    {'address': <'10.9.0.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.1.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.2.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.3.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.4.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.5.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.6.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.7.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.8.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.9.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.10.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.11.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.12.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.13.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.14.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.15.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.16.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.17.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.18.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.19.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.20.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.21.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.22.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.23.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.24.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.25.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.26.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.27.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.28.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.29.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.30.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.31.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.32.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.33.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.34.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.35.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.36.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.37.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.38.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.39.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.40.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.41.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.42.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.43.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.44.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.45.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.46.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.47.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.48.2'>, 'prefix': <uint32 32>}
    {'address': <'10.9.49.2'>, 'prefix': <uint32 32>}
ipv4.never-default: true
ipv6.method: 'manual'
ipv6.address-data:
    {'address': <'2001:db8:9::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:1::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:2::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:3::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:4::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:5::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:6::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:7::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:8::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:9::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:a::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:b::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:c::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:d::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:e::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:f::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:10::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:11::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:12::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:13::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:14::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:15::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:16::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:17::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:18::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:19::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:1a::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:1b::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:1c::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:1d::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:1e::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:1f::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:20::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:21::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:22::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:23::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:24::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:25::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:26::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:27::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:28::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:29::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:2a::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:2b::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:2c::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:2d::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:2e::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:2f::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:30::2'>, 'prefix': <uint32 128>}
    {'address': <'2001:db8:9:31::2'>, 'prefix': <uint32 128>}
ipv6.never-default: true
ipv6.addr-gen-mode: 1
user.data: {'sixgate.type': 'outbound-only'}
