"""Paths, keys and bodies of the wire stay in the client, `enlighten/`: what is outside speaks of meanings."""

import ast
from collections.abc import Iterator
import json
import re

from tests.structure.source import ROOT, Module, modules

SAMPLES = ROOT / "tests" / "fixtures" / "api"
CAMEL_CASE = re.compile(r"[a-z]+[0-9]*(?:[A-Z]+[a-z0-9]*)+")
PATH = re.compile(r"/(?:service|pv|app-api|ivp|login|users/self|mobile)(?:/|$)")
# Keys of the wire that look like names of ours and are none.
SNAKE_CASE = {
    *("e_c", "plg_in_at", "plg_out_at", "strt_chrg", "sch_d", "session_d", "lst_rpt_at", "led_status", "serial_num", "serial_number"),
    *("battery_soh", "current_charge", "max_capacity", "last_report", "batt_mode", "backup_soc", "aws_iot_endpoint", "aws_token_value"),
    *("agg_p_mw", "aggregate_soc", "interval_length", "live_stream_topic", "is_grid_outage", "event_key", "program_id"),
}
# What is no key of the wire although it looks like one, or is one for a reason.
EXCEPTIONS = {
    # Redacted where answers are quoted as they came.
    ("diagnostics", "pendingGateways"),
    # Not of Enphase: how Tibber calls the beginning of a price.
    ("site/price_lists", "startsAt"),
}


def _wire_words(module: Module) -> Iterator[str]:
    """The strings of a module that are of the wire; keyword arguments of that form too, which become keys of a body."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Constant(value=str() as text) if CAMEL_CASE.fullmatch(text) or text in SNAKE_CASE or PATH.search(text):
                yield text
            case ast.keyword(arg=str() as name) if CAMEL_CASE.fullmatch(name):
                yield name


def test_the_wire_format_stays_in_the_client() -> None:
    outside = {(module.name, word) for module in modules() if not module.name.startswith("enlighten/") for word in _wire_words(module)}
    assert outside - EXCEPTIONS == set()
    assert EXCEPTIONS - outside == set(), "no exception is needed for these"


def test_the_wire_format_is_recognized_where_it_is() -> None:
    """The client is full of it: keys in both notations, and paths."""
    inside = {word for module in modules() if module.name.startswith("enlighten/") for word in _wire_words(module)}
    assert {"chargeFromGrid", "pluggedIn", "e_c", "led_status"} <= inside
    assert any(PATH.search(word) for word in inside)


def _keys(node: object) -> Iterator[str]:
    match node:
        case dict():
            yield from node
            for value in node.values():
                yield from _keys(value)
        case list():
            for value in node:
                yield from _keys(value)


def test_the_keys_of_the_samples_are_recognized() -> None:
    """Those that are spelled as nothing of ours is; a word such as `name` says nothing about where it is from."""
    keys = {key for path in SAMPLES.glob("*.json") for key in _keys(json.loads(path.read_text(encoding="utf-8")))}
    in_camel_case = {key for key in keys if re.search(r"[a-z][A-Z]", key) and key.isalpha()}
    assert len(in_camel_case) > 200
    assert {key for key in in_camel_case if not CAMEL_CASE.fullmatch(key)} == set()
