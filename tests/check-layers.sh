#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# check-layers.sh [TREE]: who may include whom, as a table; TAP, one test per folder.
#
# The static libraries already keep a forbidden call from linking, but the headers of libmnl,
# libnftnl and systemd lie in the default include path: a forbidden include would compile.
# Both columns are extended regular expressions over the whole include path; what is not
# permitted is forbidden.
set -u
cd "${1:-$(dirname "$0")/..}" || exit 1

c='std[a-z]+\.h|string\.h|inttypes\.h|limits\.h|errno\.h|glib\.h'
# constants and structures of the kernel's interfaces: values, no calls
values='net/if\.h|net/if_arp\.h|netinet/in\.h|netinet/icmp6\.h|sys/socket\.h|linux/[a-z0-9_/]+\.h'
io='fcntl\.h|unistd\.h|time\.h|signal\.h|poll\.h|getopt\.h|locale\.h|glib/[a-z]+\.h|sys/[a-z]+\.h'
pure='base/(error|prefix|ifname|port-range)\.h'
core='core/[a-z0-9-]+\.h'

# which files, and what they may include: ours and of the system
table="
policy/base/(error|prefix|ifname|port-range)\.[ch] $pure|$c|$values|arpa/inet\.h
policy/base/(fs|links|lock|log|privileges)\.[ch] base/[a-z]+\.h|$c|$io|net/if\.h|linux/[a-z]+\.h
policy/base/keygen\.[ch] base/(error|keygen)\.h|$c|sys/random\.h|nettle/curve25519\.h
policy/base/qr\.[ch] base/(error|qr)\.h|$c|dlfcn\.h
policy/core/.* $pure|$core|$c|$values
policy/kernel/.* base/[a-z]+\.h|$core|kernel/[a-z0-9-]+\.h|$c|$values|$io|libmnl/.*|libnftnl/.*
policy/pass/.* base/[a-z]+\.h|$core|kernel/[a-z0-9-]+\.h|pass/[a-z-]+\.h|$c|$values|$io
dbus/nm/.* $pure|$core|nm/[a-z-]+\.h|$c|$values|$io|systemd/sd-(bus|event)\.h
dbus/service/.* base/[a-z]+\.h|$core|kernel/[a-z0-9-]+\.h|pass/[a-z-]+\.h|nm/[a-z-]+\.h|gateway/[a-z-]+\.h|tunnel/[a-z-]+\.h|[a-z-]+\.h|$c|$values|$io|systemd/sd-(bus|event|daemon)\.h
nm-plugin/.* base/[a-z]+\.h|$core|[a-z-]+\.h|$c|$values|NetworkManager\.h|nm-[a-z-]+\.h|gmodule\.h
nm-plugin/.* base/[a-z]+\.h|$core|nm-profile\.h|$c|$values|NetworkManager\.h
dbus/gateway/.* base/[a-z]+\.h|$core|kernel/[a-z0-9-]+\.h|nm/[a-z-]+\.h|gateway/[a-z-]+\.h|$c|$values|$io|glob\.h|netdb\.h
dbus/tunnel/.* base/[a-z-]+\.h|$core|kernel/kernel\.h|pass/[a-z-]+\.h|nm/[a-z-]+\.h|tunnel/[a-z-]+\.h|$c|$values
dispatcher/[a-z]+\.[ch] base/[a-z]+\.h|$core|kernel/[a-z0-9-]+\.h|pass/[a-z-]+\.h|nm/[a-z-]+\.h|gateway/[a-z-]+\.h|tunnel/[a-z-]+\.h|[a-z-]+\.h|$c|$values|$io|systemd/sd-daemon\.h
dispatcher/pcp/.* base/[a-z]+\.h|$core|kernel/(nft-kernel|nl-socket)\.h|pass/[a-z-]+\.h|(mappings|datagrams)\.h|$c|$values|$io|systemd/sd-daemon\.h
dispatcher/doctor/.* base/[a-z]+\.h|$core|kernel/[a-z0-9-]+\.h|pass/[a-z-]+\.h|nm/[a-z-]+\.h|(facts|leak)\.h|$c|$values|$io|json-glib/json-glib\.h
dbus/client/.* base/(error|fs|log|port-range|qr)\.h|[a-z-]+\.h|$c|$io|systemd/sd-bus\.h|json-glib/json-glib\.h
"
# Every source file belongs to a row; the folders of later work join the table with it.
known=''
n=0 failed=0
result() {   # result WHAT COMPLAINTS
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        awk '{ print "# " $0 }' <<<"$2"
        failed=1
    fi
}
all=$(find policy dbus dispatcher nm-plugin -name '*.[ch]' 2>/dev/null | sort)

while read -r files allowed; do
    [ -n "$files" ] || continue
    members=$(grep -E "^($files)$" <<<"$all")
    known+=$'\n'$members
    [ -n "$members" ] || continue
    # shellcheck disable=SC2086 # one word per file
    bad=$(grep -nHE '^[[:space:]]*#[[:space:]]*include' $members |
        sed -E 's/^([^:]+:[0-9]+):[^<"]*[<"]([^>"]+)[>"].*/\1 \2/' |
        awk -v ok="^($allowed)\$" '$2 !~ ok { print $1 " includes " $2 }')
    result "$files includes only what it may" "$bad"
done <<<"$table"

result "every source file has a row" \
    "$(grep -vxF -f <(grep . <<<"$known") <<<"$all")"

# style: a .c includes its own header first, which proves that the header stands alone
own=''
for f in $all; do
    case $f in *.h) continue ;; esac
    h=${f%.c}.h
    [ -e "$h" ] || continue
    first=$(grep -m1 '^#include' "$f" | sed -E 's/.*[<"](.*)[>"].*/\1/')
    [ "$(basename "$first")" = "$(basename "$h")" ] || own+="$f includes $first before its own header"$'\n'
done
result "own header first" "${own%$'\n'}"
result "no logging in library folders" "$(grep -nE '\bg_(message|warning|critical|info|print|printerr|log_structured) \(' \
    policy/*/*.c dbus/nm/*.c 2>/dev/null | grep -v '^policy/base/log.c:')"
result "only programs log" "$(grep -rlE '#[[:space:]]*include "base/log\.h"' policy nm-plugin dbus/nm 2>/dev/null | grep -v '^policy/base/log.c$')"
echo "1..$n"
exit $failed
