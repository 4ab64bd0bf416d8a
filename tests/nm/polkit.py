# SPDX-License-Identifier: LGPL-2.1-or-later
"""polkit.py ANSWER: a polkit that always says yes, no or challenge, or hangs. To inject faults only; the real
one is in the guest."""
import sys

from gi.repository import Gio, GLib

XML = '''<node><interface name="org.freedesktop.PolicyKit1.Authority">
<method name="CheckAuthorization"><arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/>
<arg type="a{ss}" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
<arg type="(bba{ss})" direction="out"/></method>
<method name="CancelCheckAuthorization"><arg type="s" direction="in"/></method>
</interface></node>'''
ANSWERS = {'yes': (True, False, {}), 'no': (False, False, {}), 'challenge': (False, True, {})}


def on_call(bus, sender, path, interface, method, arguments, invocation):
    if method == 'CancelCheckAuthorization':
        invocation.return_value(None)
    elif sys.argv[1] in ANSWERS:
        invocation.return_value(GLib.Variant('((bba{ss}))', (ANSWERS[sys.argv[1]],)))


bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
node = Gio.DBusNodeInfo.new_for_xml(XML)
bus.register_object('/org/freedesktop/PolicyKit1/Authority', node.interfaces[0], on_call, None, None)
Gio.bus_own_name_on_connection(bus, 'org.freedesktop.PolicyKit1', Gio.BusNameOwnerFlags.REPLACE,
                               lambda *_: print('ready', flush=True),
                               lambda *_: print('not allowed', flush=True))
GLib.MainLoop().run()
