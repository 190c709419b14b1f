"""How many requests the integration sends, counted by the simulated cloud: `python -m benchmarks.requests`.

`--quick` leaves out the accounts with fifty chargers and with five sites.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
import logging

import freezegun
from freezegun.api import FrozenDateTimeFactory

from benchmarks.houses import Plan, restart, signed_in
from custom_components.enphase_ev.battery.ledger import ChangeState
from custom_components.enphase_ev.const import DOMAIN
from custom_components.enphase_ev.enlighten import ConfigurationKey
from simulator import Simulator
from simulator.battery.settings import ControlFamily
from simulator.switches.battery import WriteKind
from tests.integration.battery_house import BatteryHouse

_HOUR = 60
_PLANS = (
    Plan("1 charger", "one_charger"),
    Plan("2 batteries", "battery_only"),
    Plan("1 charger, 2 batteries", "battery_site"),
    Plan("2 chargers, 2 batteries", "home"),
    Plan("10 chargers", "ten_chargers"),
)
_LARGE = (
    Plan("50 chargers", "fifty_chargers"),
    Plan("5 sites: 1 charger, 2 batteries each", "battery_site", sites=5),
    Plan("5 sites: 10 chargers each", "ten_chargers", sites=5),
)
_BY_FAMILY = "1 charger, 2 batteries"
_BATTERY = {"battery", "battery_write", "battery_status"}

_ENTRY = {"family": "charge_from_grid", "start": "06:00", "end": "07:00", "limit": 80}

type _Command = Callable[[BatteryHouse], Awaitable[object]]


@dataclass
class _Tally:
    """Requests by family, a column for each thing that was done."""

    columns: dict[str, Counter[str]] = field(default_factory=dict)

    def close(self, name: str, sim: Simulator) -> None:
        """Book what came since the last column."""
        self.columns[name] = Counter(request.family.value for request in sim.requests)
        sim.requests.clear()


def _table(rows: list[list[str]]) -> str:
    """Return a table for a page; the first row is its head."""
    head, *body = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])


# --- Accounts ---


async def _measure_account(plan: Plan, freezer: FrozenDateTimeFactory) -> _Tally:
    tally = _Tally()
    async with signed_in(plan, freezer) as house:
        sim = house.sim
        await house.pass_time(minutes=2)
        tally.close("first 2 min", sim)
        await house.pass_time(minutes=13)
        tally.close("to 15 min", sim)
        await house.pass_time(minutes=_HOUR)
        tally.close("idle hour", sim)
        if chargers := [charger for charger in sim.site.chargers.values() if charger.plugged_in]:
            chargers[0].vehicle.battery_wh = 1e6
            chargers[0].start(16)
            await house.pass_time(minutes=2)
            sim.requests.clear()
            await house.pass_time(minutes=_HOUR)
            tally.close("charging hour", sim)
            chargers[0].stop()
            await house.pass_time(minutes=30)
            sim.requests.clear()
        sim.faults.add(path="", status=503, times=None)
        await house.pass_time(minutes=_HOUR)
        tally.close("hour of outage", sim)
        sim.faults.clear()
        await house.pass_time(minutes=30)
        sim.requests.clear()
        await restart(house)
        tally.close("restart", sim)
    return tally


def _totals(tallies: Mapping[str, _Tally]) -> str:
    columns = list(max((tally.columns for tally in tallies.values()), key=len))
    rows = [
        [title, *(str(tally.columns[name].total()) if name in tally.columns else "" for name in columns)]
        for title, tally in tallies.items()
    ]
    return _table([["", *columns], *rows])


def _by_family(tally: _Tally) -> str:
    families = sorted({family for column in tally.columns.values() for family in column})
    rows = [[family, *(str(column[family]) for column in tally.columns.values())] for family in families]
    return _table([["", *tally.columns], *rows, ["all", *(str(column.total()) for column in tally.columns.values())]])


# --- Commands ---


def _entity(domain: str, service: str, key: str, *, of_site: bool = False, **data: object) -> _Command:
    """Call an action on an entity of the charger, or of the site."""

    async def call(house: BatteryHouse) -> None:
        entity_id = house.site_entity_id(domain, key) if of_site else house.entity_id(domain, key)
        await house.call(domain, service, entity_id=entity_id, **data)

    return call


def _charger_action(service: str, **data: object) -> _Command:
    return lambda house: house.ask(service, device_id=house.device_id(), **data)


def _slot_id(house: BatteryHouse) -> str:
    return house.sim.charger().slots[-1].id


_SLOT = {"start": "01:00:00", "end": "03:00:00", "days": ["mon"]}
_CHARGER_COMMANDS: dict[str, _Command] = {
    "start": _entity("switch", "turn_on", "charging"),
    "other amps while it charges": _entity("number", "set_value", "charging_amps", value=16),
    "stop": _entity("switch", "turn_off", "charging"),
    "charge mode": _entity("select", "select_option", "charge_mode", option="green"),
    "charge mode, back": _entity("select", "select_option", "charge_mode", option="manual"),
    # Its switch is off in new installations.
    "app authentication": lambda house: house.entry.runtime_data.details.async_set_configuration(
        house.sim.charger().serial, ConfigurationKey.APP_AUTHENTICATION, value=True
    ),
    "add a schedule": _charger_action("add_charging_schedule", **_SLOT),
    "change a schedule": lambda house: house.ask(
        "update_charging_schedule", device_id=house.device_id(), schedule_id=_slot_id(house), start="02:00:00"
    ),
    "delete a schedule": lambda house: house.ask("delete_charging_schedule", device_id=house.device_id(), schedule_id=_slot_id(house)),
    "sessions of a month": _charger_action("get_charging_sessions", **{"from": "2026-04-20"}),
    "trigger a message": _charger_action("trigger_message", requested_message="MeterValues"),
    "start a live stream": _charger_action("start_live_stream"),
}


async def _ask(house: BatteryHouse, service: str, **data: object) -> None:
    await house.hass.services.async_call(DOMAIN, service, data, blocking=True, return_response=True)


def _entry_id(house: BatteryHouse) -> str:
    return next(entry.id for entry in house.battery.schedules if entry.start == _ENTRY["start"])


def _battery_switch(service: str, key: str) -> _Command:
    return _entity("switch", service, key, of_site=True)


def _battery_action(service: str, **data: object) -> _Command:
    return lambda house: _ask(house, service, wait=900, **data)


async def _with_family_dropped(house: BatteryHouse) -> None:
    house.sim.world.deployment.battery.drops.update({WriteKind.CFG: {ControlFamily.DTG}})
    await _battery_switch("turn_off" if house.battery.settings.charge_from_grid else "turn_on", "charge_from_grid")(house)


async def _restrict_discharge(house: BatteryHouse) -> None:
    house.add_hold()
    await _battery_switch("turn_on", "restrict_battery_discharge")(house)


_BATTERY_COMMANDS: dict[str, _Command] = {
    "charge from grid on": _battery_switch("turn_on", "charge_from_grid"),
    "charge from grid off": _battery_switch("turn_off", "charge_from_grid"),
    "discharge to grid on": _battery_switch("turn_on", "discharge_to_grid"),
    "restrict discharge on": _restrict_discharge,
    "reserve": _entity("number", "set_value", "reserve", of_site=True, value=30),
    "shutdown level": _entity("number", "set_value", "shutdown_level", of_site=True, value=10),
    "storm guard": _battery_switch("turn_off", "storm_guard"),
    "system profile": _entity("select", "select_option", "system_profile", of_site=True, option="cost_savings"),
    "add a schedule": _battery_action("add_battery_schedule", **_ENTRY),
    "change a schedule": lambda house: _ask(house, "update_battery_schedule", schedule_id=_entry_id(house), limit=90, wait=900),
    "delete a schedule": lambda house: _ask(house, "delete_battery_schedule", schedule_id=_entry_id(house), wait=900),
    "override: charge for an hour": _battery_action("set_battery_override", action="charge", duration="01:00:00"),
    "end the override": _battery_action("clear_battery_override"),
    "charge from grid on, and a family dropped": _with_family_dropped,
}


def _is_idle(house: BatteryHouse) -> bool:
    runtime = house.entry.runtime_data
    change = runtime.battery.data.change
    commands = [
        command
        for charger in runtime.chargers.data.values()
        for command in (charger.start_stop, charger.mode_change, charger.level_change)
        if command is not None
    ]
    is_changed = change is None or change.state in {ChangeState.APPLIED, ChangeState.FAILED}
    return is_changed and runtime.battery.keeper.ledger.is_at_rest and not any(command.is_pending for command in commands)


async def _measure_commands(commands: Mapping[str, _Command], freezer: FrozenDateTimeFactory) -> _Tally:
    """Give each command right after the polls of its kind, and count until it is confirmed."""
    tally = _Tally()
    of_battery = commands is _BATTERY_COMMANDS
    poll = "/batterySettings/" if of_battery else "/preference"
    async with signed_in(Plan("", "battery_site"), freezer) as house:
        sim = house.sim
        for name, command in commands.items():
            await house.pass_time(minutes=6)
            sim.requests.clear()
            await house.until(lambda: any(poll in request.path for request in sim.requests))
            await house.pass_time(minutes=0.05)
            sim.requests.clear()
            await house.lived_through(command(house))
            await house.until(lambda: _is_idle(house))
            # Polls of the other half of the house fall into it by chance.
            sim.requests[:] = [request for request in sim.requests if (request.family.value in _BATTERY) is of_battery]
            tally.close(name, sim)
    return tally


def _by_command(tally: _Tally) -> str:
    families = sorted({family for column in tally.columns.values() for family in column})
    rows = [[name, *(str(column[family] or "") for family in families), str(column.total())] for name, column in tally.columns.items()]
    return _table([["", *families, "all"], *rows])


def _run[T](measure: Callable[[FrozenDateTimeFactory], Awaitable[T]]) -> T:
    async def run() -> T:
        return await measure(freezer)

    with freezegun.freeze_time("2026-05-20T03:10:00Z") as freezer:
        return asyncio.run(run())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    plans = _PLANS if parser.parse_args().quick else (*_PLANS, *_LARGE)
    logging.disable(logging.CRITICAL)
    tallies = {plan.title: _run(lambda freezer, plan=plan: _measure_account(plan, freezer)) for plan in plans}
    print(f"{_totals(tallies)}\n\n{_BY_FAMILY}, by family\n\n{_by_family(tallies[_BY_FAMILY])}\n")
    for title, commands in (("Commands to a charger", _CHARGER_COMMANDS), ("Changes of the battery", _BATTERY_COMMANDS)):
        tally = _run(lambda freezer, commands=commands: _measure_commands(commands, freezer))
        print(f"{title}\n\n{_by_command(tally)}\n")


if __name__ == "__main__":
    main()
