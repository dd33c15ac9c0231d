#!/usr/bin/env python3
"""A desktop's panel, as far as programs see it: it takes notices, and has a tray.

A line of JSON comes in, and one goes out: `["notices"]` gives the notices that are shown, `["press", ID, KEY]` presses a
button of one, `["tray"]` gives what can be chosen in each icon's menu, and `["choose", WORDS]` chooses it.
"""
import json
import os
import sys

from gi.repository import Gio, GLib

NOTICES = """<node><interface name="org.freedesktop.Notifications">
  <method name="GetCapabilities"><arg direction="out" type="as"/></method>
  <method name="GetServerInformation">
    <arg direction="out" type="s"/><arg direction="out" type="s"/>
    <arg direction="out" type="s"/><arg direction="out" type="s"/>
  </method>
  <method name="Notify">
    <arg direction="in" type="s"/><arg direction="in" type="u"/><arg direction="in" type="s"/>
    <arg direction="in" type="s"/><arg direction="in" type="s"/><arg direction="in" type="as"/>
    <arg direction="in" type="a{sv}"/><arg direction="in" type="i"/><arg direction="out" type="u"/>
  </method>
  <method name="CloseNotification"><arg direction="in" type="u"/></method>
  <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
  <signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
</interface></node>"""

TRAY = """<node><interface name="org.kde.StatusNotifierWatcher">
  <method name="RegisterStatusNotifierItem"><arg direction="in" type="s"/></method>
  <method name="RegisterStatusNotifierHost"><arg direction="in" type="s"/></method>
  <property name="RegisteredStatusNotifierItems" type="as" access="read"/>
  <property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
  <property name="ProtocolVersion" type="i" access="read"/>
  <signal name="StatusNotifierItemRegistered"><arg type="s"/></signal>
  <signal name="StatusNotifierItemUnregistered"><arg type="s"/></signal>
  <signal name="StatusNotifierHostRegistered"/>
</interface></node>"""

MENU = "com.canonical.dbusmenu"
CLOSED_BY_A_PRESS = 2
CLOSED_BY_ITS_PROGRAM = 3

bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
notices = {}
icons = []


def tell_of_notices(signal, *values):
    text = "(us)" if signal == "ActionInvoked" else "(uu)"
    path = "/org/freedesktop/Notifications"
    bus.emit_signal(None, path, "org.freedesktop.Notifications", signal, GLib.Variant(text, values))


def close(number, why):
    if notices.pop(number, None) is not None:
        tell_of_notices("NotificationClosed", number, why)


def on_notices(_bus, _sender, _path, _interface, method, arguments, call):
    if method == "GetCapabilities":
        call.return_value(GLib.Variant("(as)", (["actions", "body"],)))
    elif method == "GetServerInformation":
        call.return_value(GLib.Variant("(ssss)", ("panel", "tests", "1", "1.2")))
    elif method == "Notify":
        _app, replaces, _icon, title, text, actions, _hints, _until = arguments.unpack()
        number = replaces or max(notices, default=0) + 1
        notices[number] = {"id": number, "title": title, "text": text, "keys": actions[::2], "buttons": actions[1::2]}
        call.return_value(GLib.Variant("(u)", (number,)))
    elif method == "CloseNotification":
        close(arguments.unpack()[0], CLOSED_BY_ITS_PROGRAM)
        call.return_value(None)


def on_tray(_bus, sender, _path, _interface, method, arguments, call):
    if method == "RegisterStatusNotifierItem":
        icons.append(sender)
    call.return_value(None)


def tray_property(_bus, _sender, _path, _interface, name):
    return {
        "RegisteredStatusNotifierItems": GLib.Variant("as", icons),
        "IsStatusNotifierHostRegistered": GLib.Variant("b", True),
        "ProtocolVersion": GLib.Variant("i", 0),
    }[name]


def menus():
    """The entries of all menus: of which icon, their number, and their words."""
    for icon in icons:
        path = "/MenuBar"
        wanted = GLib.Variant("(iias)", (0, -1, []))
        try:
            told = bus.call_sync(icon, path, MENU, "GetLayout", wanted, None, 0, 5000, None)
        except GLib.Error:
            continue
        _revision, (_root, _properties, entries) = told.unpack()
        for number, properties, _children in entries:
            if "label" in properties:
                yield icon, number, properties["label"]


def answer(words):
    if words[0] == "notices":
        return list(notices.values())
    if words[0] == "press":
        tell_of_notices("ActionInvoked", words[1], words[2])
        close(words[1], CLOSED_BY_A_PRESS)
        return True
    if words[0] == "tray":
        return [label for _, _, label in menus()]
    for icon, number, label in menus():
        if label == words[1]:
            event = GLib.Variant("(isvu)", (number, "clicked", GLib.Variant("i", 0), 0))
            bus.call_sync(icon, "/MenuBar", MENU, "Event", event, None, 0, 5000, None)
            return True
    return False


def on_line(source, _condition):
    line = sys.stdin.readline()
    if not line:
        os._exit(0)
    print(json.dumps(answer(json.loads(line))), flush=True)
    return True


for name, path, text, call, prop in (
    ("org.freedesktop.Notifications", "/org/freedesktop/Notifications", NOTICES, on_notices, None),
    ("org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher", TRAY, on_tray, tray_property),
):
    bus.register_object(path, Gio.DBusNodeInfo.new_for_xml(text).interfaces[0], call, prop, None)
    whole = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName")
    bus.call_sync(*whole, GLib.Variant("(su)", (name, 0)), None, 0, 5000, None)

GLib.io_add_watch(sys.stdin, GLib.IOCondition.IN | GLib.IOCondition.HUP, on_line)
print(json.dumps("ready"), flush=True)
GLib.MainLoop().run()
