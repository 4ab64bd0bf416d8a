# SPDX-License-Identifier: LGPL-2.1-or-later
"""sixgatectl against the real service and a real NetworkManager with the gateways nm0 and nm1: every
command, in a pipe and in a terminal; JSON against its schema; every exit status, with its words."""
import json
import os
import pty
import re
import stat
import subprocess
import sys

import jsonschema

CTL = os.environ["SIXGATECTL"]
SCHEMA = json.load(open(os.environ["SIXGATECTL_SCHEMA"], encoding="utf-8"))
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
BACKUP = "/run/t/backup"
count = failed = 0


def check(what, holds, shown=""):
    global count, failed
    count += 1
    print(f"{'ok' if holds else 'not ok'} {count} - {what}", flush=True)
    if not holds:
        failed += 1
        print("\n".join("#   " + line for line in str(shown).splitlines()), flush=True)


def run(*words, stdin="", prefix=()):
    done = subprocess.run([*prefix, CTL, *words], input=stdin, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def ends(what, status, words, *, error=None, out=None, **how):
    """The command ends with status, and says exactly that."""
    got = run(*words, **how)
    holds = got[0] == status
    if error is not None:
        holds = holds and re.fullmatch(error, got[2].strip()) is not None
    if out is not None:
        holds = holds and re.search(out, got[1], re.M) is not None
    check(what, holds, got)
    return got


def read_json(command, *words):
    """What the command prints, held against the schema."""
    status, out, error = run(*words, "--json")
    try:
        value = json.loads(out)
        jsonschema.validate(value, {**SCHEMA, "$ref": "#/definitions/" + command})
        check(f"{command} --json is as the schema says", True)
        return value
    except (ValueError, jsonschema.ValidationError) as problem:
        check(f"{command} --json is as the schema says", False, f"{status} {problem} {out} {error}")
        return {}


def in_terminal(*words):
    """What the command prints to a terminal."""
    chunks = []

    def take(fd):
        chunk = os.read(fd, 4096)
        chunks.append(chunk)
        return b""

    os.environ["TERM"] = "xterm"
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(CTL, [CTL, *words])
    try:
        while True:
            take(fd)
            if not chunks[-1]:
                break
    except OSError:
        pass
    os.waitpid(pid, 0)
    os.close(fd)
    return b"".join(chunks).decode()


def test_status():
    status, out, error = run("status")
    check("status in a pipe is plain", status == 0 and "\033" not in out, out + error)
    check("status tells the outbound", "auto: no gateway is chosen" in out, out)
    check("status lists both gateways, which carry IPv6 and are ready inbound",
          all(re.search(rf"^  {name} +veth +yes +ready +2001:db8:", out, re.M) for name in ("nm0", "nm1")), out)
    check("status says that all is well", "all is as it should be" in out, out)
    out = in_terminal("status")
    check("status in a terminal has colours", "\033[32m" in out and "nm0" in out, out)
    out = in_terminal("gateway", "list", "--json")
    check("JSON has no colours, in a terminal either", "\033" not in out and "nm0" in out, out)
    value = read_json("status", "status")
    check("status --json: nothing to change", value.get("changes") == [], value)
    check("status --json: two gateways", [g["interface"] for g in value.get("gateways", [])] == ["nm0", "nm1"], value)


def test_outbound():
    ends("outbound shows auto", 0, ["outbound"], out="^auto$")
    ends("outbound nm1 is chosen", 0, ["outbound", "nm1"], error="")
    ends("outbound shows it", 0, ["outbound"], out="^nm1$")
    check("outbound --json", read_json("outbound", "outbound").get("outbound") == "nm1")
    rules = subprocess.run(["ip", "-6", "rule"], capture_output=True, text=True, check=True).stdout
    check("it is in force when the command ends", re.search(r"^75:", rules, re.M) is not None, rules)
    ends("status tells it", 0, ["status"], out=r"nm1: chosen; the host's own traffic leaves by it(.|\n)*\* nm1 ")
    ends("one that is not there may be chosen, and it is said what that means", 0, ["outbound", "wg7"],
         error="sixgatectl: no gateway wg7; there are nm0, nm1; until it is there, what is new and not local is refused")
    status, out, _ = run("status")
    check("status tells a worried person", "wg7: chosen, and not there" in out, out)
    ends("no interface can be called so", 2, ["outbound", "no/name"])
    ends("nor is nothing a name", 2, ["outbound", ""])
    ends("--json is for reading", 2, ["outbound", "nm0", "--json"])
    ends("back to nm1", 0, ["outbound", "nm1"])


def test_override():
    ends("override add", 0, ["override", "add", "2001:db8:77::/64", "nm0"], error="")
    ends("override list", 0, ["override", "list"], out=r"^2001:db8:77::/64 +nm0$")
    value = read_json("override list", "override", "list")
    check("override list --json", value.get("overrides") == [{"prefix": "2001:db8:77::/64", "interface": "nm0"}], value)
    ends("one that overlaps is refused", 1, ["override", "add", "2001:db8:77::/48", "nm1"],
         error="sixgatectl: .*2001:db8:77::/64.*")
    ends("host bits are refused, naming the network", 2, ["override", "add", "2001:db8:78::1/64", "nm0"],
         error="sixgatectl: .*2001:db8:78::/64.*")
    ends("one that is not there cannot be removed", 3, ["override", "remove", "2001:db8:99::/64"])


def test_gateway():
    ends("gateway show", 0, ["gateway", "show", "nm0"], out=r"kind +veth")
    check("gateway show --json", read_json("gateway show", "gateway", "show", "nm0").get("ipv6") is True)
    read_json("gateway list", "gateway", "list")
    ends("a gateway that is not there: those that are", 3, ["gateway", "show", "wg7"],
         error="sixgatectl: no gateway wg7; there are nm0, nm1")
    ends("ethernet cannot be exported", 1, ["gateway", "export", "nm0"])
    ends("a file that is not there", 3, ["gateway", "import", "/run/t/none.conf"],
         error="sixgatectl: cannot read /run/t/none.conf: No such file or directory")
    ends("what is no WireGuard file is refused, also from standard input", 1, ["gateway", "import", "-"], stdin="hello\n")
    ends("what is malformed too, with its line", 2, ["gateway", "import", "-"],
         stdin="[Interface]\nPrivateKey = x\n", error="sixgatectl: .*:2: .*")
    ends("nor is binary", 2, ["gateway", "import", "/bin/true"], error="sixgatectl: /bin/true is .*")
    ends("what is not WireGuard has no type to set", 1, ["gateway", "set-type", "nm0", "outbound-only"])


def test_plan():
    check("plan: nothing", run("plan") == (0, "", ""))
    subprocess.run(["ip", "-6", "rule", "flush"], check=True)
    subprocess.run(["ip", "-6", "rule", "add", "pref", "32766", "lookup", "main"], check=True)
    subprocess.run(["ip", "-6", "rule", "add", "pref", "0", "lookup", "local"], check=False)
    ends("plan: as lines of ip", 0, ["plan"], out="^ip -6 rule add pref ")
    check("plan --json", len(read_json("plan", "plan").get("changes", [])) > 3)
    ends("status tells of it, and what to do", 0, ["status"], out="differs from what it should hold in .* sixgatectl reconcile")
    ends("reconcile", 0, ["reconcile"], out="^[0-9]+ changes made$")
    ends("and once more", 0, ["reconcile"], out="^nothing had to be changed$")


def test_explain():
    ends("explain", 0, ["explain", "2620:fe::fe"], out="^What goes to 2620:fe::fe leaves by nm1, the selected outbound")
    ends("explain: the guard", 0, ["explain", "2620:fe::fe", "--from=2001:db8:1::2"], out="but the guard refuses it")
    value = read_json("explain", "explain", "2620:fe::fe", "--mark", "0x7")
    check("explain --json: the interface", value.get("interfaces") == ["nm1"], value)
    ends("no address", 2, ["explain", "example.org"], error="sixgatectl: the destination “example.org” is no IPv6 address")
    ends("no mark", 2, ["explain", "::1", "--mark", "red"], error="sixgatectl: “red” is no mark; .*")
    ends("no such interface", 3, ["explain", "::1", "--in", "wg7"], error="sixgatectl: no interface wg7; there are .*nm0.*")


def test_usage():
    for words in ([], ["frobnicate"], ["gateway"], ["gateway", "frob"], ["status", "now"], ["explain"],
                  ["status", "--jsn"], ["explain", "::1", "--from"], ["reconcile", "--json"],
                  ["gateway", "import", "x", "--outbound=yes"]):
        ends(f"wrongly called: {' '.join(words) or 'nothing'}", 2, words, error="sixgatectl: .+")
    ends("the help tells the commands", 0, ["--help"], out="gateway import .*\n(.|\n)*Exit status: 0 done")
    commands = re.findall(r"^  ([a-z]+(?: [a-z0-9-]+)?)  ", run("--help")[1], re.M)
    check("all commands are there", len(commands) == 37, commands)
    for command in commands:
        ends(f"{command} --help teaches", 0, [*command.split(), "--help"],
             out=rf"^Usage: sixgatectl {command}.*\n\n.+\.\n\n(.|\n)+")
    ends("the version", 0, ["--version"], out="^sixgatectl [0-9.]+$")


def test_unprivileged():
    ends("anybody may look", 0, ["status"], out="nm1", prefix=NOBODY)
    for words in (["outbound", "nm0"], ["override", "remove", "2001:db8:77::/64"], ["reconcile"], ["backup", "/tmp/x"],
                  ["restore", BACKUP], ["doctor"]):
        ends(f"but not: {' '.join(words)}", 4, words, prefix=NOBODY, error="sixgatectl: .+")
    ends("nothing was changed", 0, ["outbound"], out="^nm1$")


def test_tunnel():
    ends("no subnet yet: those that there are", 3, ["device", "add", "home", "one"],
         error="sixgatectl: no subnet home; there are none")
    ends("subnet add", 0, ["subnet", "add", "10.59.0.0/24", "home"], error="", out="^$")
    ends("a network that is not private", 2, ["subnet", "add", "8.8.8.0/24", "x"], error="sixgatectl: .*8.8.8.0/24.*")
    ends("device add prints both addresses", 0, ["device", "add", "home", "one"], error="", out="^10.59.0.2 none$")
    ends("set-ipv6, with a warning", 0, ["subnet", "set-ipv6", "home", "2001:db8:59::/64"],
         error="sixgatectl: .*2001:db8:59::/64(.|\n)*")
    ends("device add with every option", 0,
         ["device", "add", "10.59.0.0/24", "box", "--ip=10.59.0.9", "--kind", "server"], error="",
         out="^10.59.0.9 2001:db8:59::a3b:9$")
    ends("device list", 0, ["device", "list"], error="",
         out=r"^one +10\.59\.0\.0/24 +10\.59\.0\.2 +2001:db8:59::a3b:2 +client +never +0 bytes / 0 bytes$")
    ends("subnet list", 0, ["subnet", "list"], error="", out=r"^10\.59\.0\.0/24 +home +2001:db8:59::/64 +2$")
    value = read_json("subnet list", "subnet", "list")
    check("subnet list --json", value.get("subnets", [{}])[0].get("server6") == "2001:db8:59::a3b:1", value)
    value = read_json("device list", "device", "list", "home")
    check("device list --json", [d["kind"] for d in value.get("devices", [])] == ["client", "server"], value)
    check("root sees the peers", all("rx-bytes" in d for d in value.get("devices", [])), value)
    status, out, error = run("device", "list", prefix=NOBODY)
    check("others see the devices, not their peers", status == 0 and "a3b:2" in out and "never" not in out and "sudo" in error, out + error)
    out = in_terminal("device", "list")
    check("in a terminal with colours", "\033[32m2001:db8:59::a3b:2" in out, out)
    check("in a pipe without", "\033" not in run("device", "list")[1])
    ends("show-config", 0, ["device", "show-config", "home", "one", "--endpoint", "192.0.2.1"], error="",
         out="^# StartTunnel config for one\n(.|\n)*^Endpoint = 192.0.2.1:51820$")
    ends("set-name", 0, ["device", "set-name", "home", "10.59.0.2", "phone"], error="")
    ends("set-kind", 0, ["device", "set-kind", "home", "phone", "server"], error="")
    ends("no such kind", 2, ["device", "set-kind", "home", "phone", "tablet"], error="sixgatectl: “tablet” is no kind of device; .*")
    ends("allow-pinholes", 0, ["device", "allow-pinholes", "home", "phone", "yes"], error="")
    ends("yes or no", 2, ["device", "allow-pinholes", "home", "phone", "maybe"], error="sixgatectl: say yes or no, not “maybe”")
    value = read_json("device list", "device", "list")
    check("all of it holds", (value["devices"][0]["name"], value["devices"][0]["kind"], value["devices"][0]["allow-pinholes"])
          == ("phone", "server", True), value)
    ends("an address that somebody has: who", 1, ["device", "add", "home", "x", "--ip", "10.59.0.9"], error="sixgatectl: .*“box”.*")
    ends("a device that is not there", 3, ["device", "remove", "home", "tv"], error="sixgatectl: no device tv in 10.59.0.0/24; .*")
    for words in (["subnet", "set-name", "home", "x"], ["subnet", "clear-ipv6", "home"], ["device", "add", "home", "x"],
                  ["device", "show-config", "home", "phone"], ["device", "remove", "home", "phone"], ["subnet", "remove", "home"]):
        ends(f"{' '.join(words)}: not for everybody", 4, words, prefix=NOBODY, error="sixgatectl: .+")
    ends("clear-ipv6", 0, ["subnet", "clear-ipv6", "home"], error="")
    ends("subnet set-name", 0, ["subnet", "set-name", "home", "house"], error="")
    ends("device remove", 0, ["device", "remove", "house", "phone"], error="")
    ends("subnet remove", 0, ["subnet", "remove", "house"], error="")
    check("nothing is left", read_json("device list", "device", "list").get("devices") == [])


def test_backup():
    ends("backup", 0, ["backup", BACKUP], error="")
    mode = stat.S_IMODE(os.stat(BACKUP).st_mode)
    check("the backup is root's alone", mode == 0o600, oct(mode))
    before = run("status", "--json")
    run("outbound", "auto")
    run("override", "remove", "2001:db8:77::/64")
    ends("restore", 0, ["restore", BACKUP], out="0 gateways restored")
    check("everything is as it was", run("status", "--json") == before, before)
    ends("a backup that is not there", 3, ["restore", "/run/t/none"])
    with open(BACKUP, encoding="utf-8") as whole, open("/run/t/half", "w", encoding="utf-8") as half:
        half.write(whole.read()[20:])
    ends("a damaged one changes nothing", 1, ["restore", "/run/t/half"], error="sixgatectl: .* nothing was changed")
    check("indeed", run("status", "--json") == before)
    # The first override can be restored, the second cannot: the one that there was is back.
    with open(BACKUP, encoding="utf-8") as whole, open("/run/t/wrong", "w", encoding="utf-8") as wrong:
        wrong.write(re.sub("(?m)^overrides=.*", r"overrides=2001:db8:78::/64 nm0;2001:db8:78::/48 nm1", whole.read()))
    ends("an override that cannot be restored", 1, ["restore", "/run/t/wrong"], error="sixgatectl: .*2001:db8:78::/64.*")
    check("everything is as it was before", run("status", "--json") == before, run("status", "--json"))
    ends("a folder that is not there", 1, ["backup", "/run/t/nowhere/backup"])
    test_backup_of_tunnel()


def test_pinholes():
    run("subnet", "add", "10.59.0.0/24", "home")
    run("device", "add", "home", "box")
    ends("no pinhole yet", 0, ["pinhole", "list"], out="^DEVICE +SUBNET +IPV6")
    ends("pinhole add", 0, ["pinhole", "add", "home", "box", "tcp", "80:8080", "--label", "the web"], error="", out="^$")
    ends("pinhole list", 0, ["pinhole", "list", "home", "box"], error="", out=r"^box +10\.59\.0\.0/24 +- +tcp 80 +8080 +no IPv6 +the web$")
    ends("set-ipv6 opens it", 0, ["subnet", "set-ipv6", "home", "fd59::/64", "--allow-ula"])
    ends("pinhole list: it is open", 0, ["pinhole", "list"], out=r"^box .* fd59::a3b:2 +tcp 80 +8080 +open +the web$")
    value = read_json("pinhole list", "pinhole", "list")
    check("pinhole list --json", [(p["external"], p["internal"], p["source"]) for p in value.get("pinholes", [])] == [(80, 8080, "manual")], value)
    ends("a range: all of them", 0, ["pinhole", "add", "home", "box", "udp", "6000-6003:7000"], error="")
    ends("they are listed by their number", 0, ["pinhole", "list"], out=r"tcp 80 .*\n.*udp 6000 +7000 .*\n.*udp 6001 +7001 .*\n.*udp 6002 .*\n.*udp 6003 ")
    ends("a range that meets one: none of it", 1, ["pinhole", "add", "home", "box", "udp", "5998-6001"], error="sixgatectl: .*6000.*")
    check("indeed none", "udp 5998" not in run("pinhole", "list")[1], run("pinhole", "list"))
    ends("pinhole disable", 0, ["pinhole", "disable", "home", "box", "tcp", "80"], error="", out="^$")
    ends("it is listed as that", 0, ["pinhole", "list"], out="tcp 80 +8080 +disabled +the web$")
    ends("pinhole enable", 0, ["pinhole", "enable", "home", "box", "tcp", "80"], error="", out="^$")
    ends("pinhole label", 0, ["pinhole", "label", "home", "box", "tcp", "80", "shop"], error="", out="^$")
    ends("the label is there", 0, ["pinhole", "list"], out="tcp 80 +8080 +open +shop$")
    ends("pinhole remove", 0, ["pinhole", "remove", "home", "box", "udp", "6001"], error="", out="^$")
    ends("one that is not there", 3, ["pinhole", "remove", "home", "box", "udp", "6001"],
         error="sixgatectl: no pinhole udp 6001 of 10.59.0.2; sixgatectl pinhole list shows them")
    ends("what is no port", 2, ["pinhole", "add", "home", "box", "tcp", "0"], error="sixgatectl: “0” is no port; .*")
    ends("what leads beyond the last port", 2, ["pinhole", "add", "home", "box", "tcp", "100-110:65530"], error="sixgatectl: .*beyond port 65535; begin with a smaller port, or name fewer")
    ends("what is no protocol", 2, ["pinhole", "add", "home", "box", "icmp", "8"], error="sixgatectl: say tcp or udp, not “icmp”")
    ends("several at once cannot be removed", 2, ["pinhole", "remove", "home", "box", "udp", "6002-6003"], error="sixgatectl: .*name one")
    run("subnet", "remove", "home")
    check("with their device they are gone", read_json("pinhole list", "pinhole", "list").get("pinholes") == [])


def test_backup_of_tunnel():
    """A server's subnets, devices and keys; what was changed since is undone, also with the choices, when it fails."""
    ends("a subnet for the backup", 0, ["subnet", "add", "10.59.0.0/24", "home"], error="")
    run("device", "add", "home", "one")
    ends("backup of a server", 0, ["backup", BACKUP], error="")
    config = run("device", "show-config", "home", "one", "--endpoint", "192.0.2.1")
    run("subnet", "remove", "home")
    run("override", "add", "2001:db8:79::/64", "nm0")
    before = run("status", "--json")
    with open(BACKUP, encoding="utf-8") as whole, open("/run/t/wrong", "w", encoding="utf-8") as wrong:
        wrong.write(whole.read().replace(r"\ndevice ", r"\ndevise "))
    ends("a tunnel that cannot be restored", 1, ["restore", "/run/t/wrong"], error="sixgatectl: the tunnel role: tunnel state:.*")
    check("everything is as it was before", run("status", "--json") == before, run("status", "--json"))
    ends("restore of a server", 0, ["restore", BACKUP], out="0 gateways restored")
    check("the device has its config again", run("device", "show-config", "home", "one", "--endpoint", "192.0.2.1") == config)
    run("subnet", "remove", "home")


def findings(*words):
    value = read_json("doctor", "doctor")
    return {finding["id"]: finding["severity"] for finding in value.get("findings", [])}


def leak_test():
    """What the leak test says where nothing leaked."""
    value = read_json("doctor", "doctor")
    return next((finding["what"] for finding in value.get("findings", []) if finding["id"] == "no-leak"), "")


def test_leak_test():
    told = leak_test()
    check("doctor: the leak test was made, nothing leaked, the guard's counters tell", re.search("refused: .*[0-9]+ were counted by the guard$", told), told)
    # Another firewall, before the guard: its refusals are not taken for the guard's.
    subprocess.run(["nft", "add table ip6 other; add chain ip6 other out { type filter hook output priority -400; }; add rule ip6 other out ip6 daddr 3fff:fff::1 meta l4proto tcp reject with tcp reset; add rule ip6 other out ip6 daddr 3fff:fff::1 drop"], check=True)
    told = leak_test()
    check("doctor: what others refuse is not taken for the guard's work", re.search("refused: .*[0-9]+ were refused before the guard saw them$", told), told)
    subprocess.run(["nft", "delete table ip6 other"], check=True)
    run("outbound", "wg77")
    told = leak_test()
    check("doctor: where no route leads out, that is said", re.search("refused: [0-9]+ had no route", told), told)
    run("outbound", "nm1")


def test_doctor():
    found = findings()
    check("doctor: without systemd nobody listens", found.get("not-listening") == "error", found)
    ends("doctor ends by the worst", 1, ["doctor"], out="^error: nobody listens(.|\n)*  why: (.|\n)*  do:  ")
    check("doctor in a terminal has colours", "\033[1;31merror" in in_terminal("doctor"))
    subprocess.run(["ip", "-6", "rule", "add", "pref", "5270", "lookup", "52"], check=True)
    subprocess.run(["ip", "-6", "rule", "add", "pref", "105", "lookup", "7120"], check=True)
    subprocess.run(["nft", "add table ip6 filter; add chain ip6 filter INPUT { type filter hook input priority 0; policy drop; }"], check=True)
    found = findings()
    check("doctor: a foreign rule that ours hide", found.get("foreign-rule-hidden") == "warning", found)
    check("doctor: one that goes before ours", found.get("foreign-rule-before") == "warning", found)
    check("doctor: a firewall", found.get("firewall-input") == "note", found)
    subprocess.run(["nft", "delete table ip6 filter"], check=True)
    for pref in ("5270", "105"):
        subprocess.run(["ip", "-6", "rule", "del", "pref", pref], check=True)
    # A guard with a hole: what the test sends gets out, to a router that drops it at hop limit 1.
    for chain in ("guard_output", "guard_post"):
        subprocess.run(["nft", f"insert rule ip6 startos {chain} accept"], check=True)
    found = findings()
    check("doctor: a leak is found", found.get("leak") == "error", found)
    check("doctor: and that somebody changed the guard", found.get("differs") == "warning", found)
    run("reconcile")
    check("doctor: no leak again", "leak" not in findings())


def test_without_bus():
    os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/run/t/no-bus"
    ends("no bus", 1, ["status"], error="sixgatectl: cannot reach the system bus: .*")


for test in (test_status, test_outbound, test_override, test_gateway, test_plan, test_explain, test_usage,
             test_unprivileged, test_tunnel, test_pinholes, test_backup, test_leak_test, test_doctor, test_without_bus):
    test()
print(f"1..{count}")
sys.exit(failed != 0)
