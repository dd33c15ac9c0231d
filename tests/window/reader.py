#!/usr/bin/env python3
"""Tells what a screen reader would hear of a window.

The number of a process comes in on a line of its own, and a line of JSON goes out: everything in its windows that has a
role, with its name, its text, whether it has the keyboard, and where its middle is in the window.
"""
import json
import sys

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

DEEPEST = 40


def announce_a_reader():
    """Windows tell nothing where nobody listens."""
    bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
    for state in ("IsEnabled", "ScreenReaderEnabled"):
        value = GLib.Variant("(ssv)", ("org.a11y.Status", state, GLib.Variant("b", True)))
        bus.call_sync(
            "org.a11y.Bus", "/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set", value, None, 0, 10000, None
        )


def elements(process):
    desktop = Atspi.get_desktop(0)
    for app in children(desktop):
        try:
            if app.get_process_id() == process:
                yield from walk(app, 0)
        except GLib.Error:
            continue


def walk(element, depth):
    yield element
    if depth < DEEPEST:
        for child in children(element):
            yield from walk(child, depth + 1)


def children(element):
    """What goes away meanwhile is not there."""
    try:
        count = element.get_child_count()
    except GLib.Error:
        return
    for index in range(count):
        try:
            child = element.get_child_at_index(index)
        except GLib.Error:
            continue
        if child:
            yield child


def told(element):
    try:
        text = element.get_text_iface()
        content = Atspi.Text.get_text(text, 0, -1) if text else ""
        place = element.get_component_iface() and element.get_extents(Atspi.CoordType.WINDOW)
        return {
            "role": element.get_role_name(),
            "name": element.get_name() or "",
            "text": content or "",
            "focused": element.get_state_set().contains(Atspi.StateType.FOCUSED),
            "middle": [place.x + place.width // 2, place.y + place.height // 2] if place else None,
        }
    except GLib.Error:
        return None


def main():
    announce_a_reader()
    Atspi.init()
    for line in sys.stdin:
        # What changed meanwhile is learnt of here.
        while GLib.MainContext.default().iteration(False):
            pass
        heard = [told(element) for element in elements(int(line))]
        print(json.dumps([element for element in heard if element]), flush=True)


main()
