#!/usr/bin/env python3
"""Reads and presses a window by the names that a screen reader says.

One JSON command a line comes in, one JSON answer a line goes out:
  {"do": "tree", "pid": N}                          every element: role, name, states
  {"do": "press", "pid": N, "name": "Call"}         does what a press does
  {"do": "focus", "pid": N, "name": "My name"}      gives it the keyboard
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


def elements(pid):
    desktop = Atspi.get_desktop(0)
    for index in range(desktop.get_child_count()):
        app = desktop.get_child_at_index(index)
        try:
            if app and app.get_process_id() == pid:
                yield from walk(app, 0)
        except GLib.Error:
            continue


def walk(element, depth):
    yield element
    if depth == DEEPEST:
        return
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
            yield from walk(child, depth + 1)


def described(element):
    states = element.get_state_set().get_states()
    try:
        text = element.get_text_iface()
        content = Atspi.Text.get_text(text, 0, -1) if text else ""
    except (GLib.Error, TypeError):
        content = ""
    return {
        "role": element.get_role_name(),
        "name": element.get_name() or "",
        "text": content or "",
        "states": sorted(state.value_nick for state in states),
    }


def named(pid, name):
    for element in elements(pid):
        try:
            if (element.get_name() or "") == name:
                yield element
        except GLib.Error:
            continue


def press(pid, name):
    for element in named(pid, name):
        action = element.get_action_iface()
        if action and Atspi.Action.get_n_actions(action) > 0:
            return bool(Atspi.Action.do_action(action, 0))
    return False


def focus(pid, name):
    for element in named(pid, name):
        component = element.get_component_iface()
        if component and Atspi.Component.grab_focus(component):
            return True
    return False


def answer(command):
    pid = command["pid"]
    if command["do"] == "tree":
        tree = []
        for element in elements(pid):
            try:
                tree.append(described(element))
            except GLib.Error:
                continue
        return tree
    if command["do"] == "press":
        return press(pid, command["name"])
    if command["do"] == "focus":
        return focus(pid, command["name"])
    raise ValueError(command["do"])


def main():
    announce_a_reader()
    Atspi.init()
    for line in sys.stdin:
        # What changed meanwhile is learnt of here.
        while GLib.MainContext.default().iteration(False):
            pass
        try:
            print(json.dumps({"ok": answer(json.loads(line))}), flush=True)
        except Exception as error:  # noqa: BLE001, the other side decides what it means
            print(json.dumps({"error": repr(error)}), flush=True)


main()
