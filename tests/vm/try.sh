here=$(cd "$(dirname "$0")" && pwd)
. "$here/../lib/tap.sh"
. "$here/../lib/wireguard-net.sh"
systemctl --version | head -1; uname -r
net_up
nmcli device set eth0 managed yes
host_profile eth0
nmcli connection up lan >/dev/null
nmcli connection import type wireguard file "$work/wg0.conf" >/dev/null
sleep 2
"$SIXGATE_RECONCILE" --outbound wg0
ip -6 rule
systemctl enable sixgate-boot.service sixgate-reconcile.service
systemctl start sixgate-reconcile.service
sleep 2
systemctl status --no-pager sixgate-reconcile.service sixgate-reconcile.socket sixgate-nftables.socket | head -60
echo "--- delete"
stamp() { date +%s.%N; }
for i in 1 2 3; do
a=$(stamp)
ip -6 rule del pref 75
until ip -6 rule | grep -q ^75:; do :; done
b=$(stamp)
echo "heal: $(echo "$b $a" | awk '{print $1-$2}')"
sleep 2
done
a=$(stamp)
nft flush ruleset
until nft list table ip6 startos >/dev/null 2>&1; do :; done
b=$(stamp)
echo "heal nft: $(echo "$b $a" | awk '{print $1-$2}')"
sleep 2
systemctl show -p CPUUsageNSec,NRestarts,ExecMainStatus,Result sixgate-reconcile.service
echo "--- ra"
ss -f netlink 2>/dev/null | head -3
journalctl -b --no-pager -o short-monotonic -u 'sixgate*' | tail -40
cat /run/sixgate/limits | head -30
echo "--- stop socket then start service"
systemctl stop sixgate-reconcile.socket; sleep 0.2
systemctl start sixgate-reconcile.service; systemctl is-active sixgate-reconcile.socket sixgate-nftables.socket
sleep 2
echo "--- burst before start"
systemctl stop sixgate-reconcile.service sixgate-reconcile.socket sixgate-nftables.socket
systemctl start sixgate-nftables.socket sixgate-reconcile.socket
( echo "add table ip6 foreign"; echo "add set ip6 foreign s { type ipv6_addr; }"; python3 -c 'print("add element ip6 foreign s { " + ",".join("2001:db8:%x:%x::1" % (i//65536+1, i%65536) for i in range(60000)) + " }")' ) > /tmp/big.nft
time nft -f /tmp/big.nft
sleep 0.3
systemctl is-active sixgate-reconcile.socket sixgate-nftables.socket sixgate-reconcile.service
sleep 3
systemctl is-active sixgate-reconcile.socket sixgate-nftables.socket sixgate-reconcile.service
journalctl -b --no-pager -o short-monotonic | tail -30
