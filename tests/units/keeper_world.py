"""Worlds in which the pure decision about a battery is tried: what people, the app and the weather do to it."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from random import Random

from custom_components.enphase_ev.battery import override
from custom_components.enphase_ev.battery.decide import decide
from custom_components.enphase_ev.battery.ledger import ChangeState, Intent, KeptEntry, Ledger, OverrideWish
from custom_components.enphase_ev.battery.ledger_reading import read_ledger
from custom_components.enphase_ev.battery.notes import note, refused, taken
from custom_components.enphase_ev.battery.observe import observe
from custom_components.enphase_ev.battery.steps import (
    AtRest,
    DeleteEntry,
    Read,
    Reading,
    Rest,
    Write,
    WriteAlone,
    WriteEntry,
    WriteSettings,
)
from custom_components.enphase_ev.enlighten import (
    BatteryEntry,
    BatteryFamily,
    BatteryWish,
)
from tests.units.model_cloud import SWITCH_NAMES, ModelCloud, Weather

_EPOCH = datetime(2026, 5, 20, 3, 10, tzinfo=UTC)
_CFG, _DTG, _RBD = BatteryFamily
_ALL_DAYS = (1, 2, 3, 4, 5, 6, 7)
_MOST_STEPS = 3000
_WRITES_OF_EACH = 14
_READS_OF_WRITE = 10
_READS_OF_MINUTE = 2
_READS_OF_START = 20
_TICK = 300.0
_LIVES_FOR = 4 * 3600.0
# Where gateways take 800 s, and each try to put something back is dropped when they have taken it over, it takes so long.
_RESTS_WITHIN = 12 * 3600.0

type Says = tuple[BatteryFamily, time, time]


def says(entry: BatteryEntry | KeptEntry) -> Says:
    """Return what an entry is about."""
    return entry.family, entry.start, entry.end


class World:
    """One world: a cloud, a ledger, and what happens."""

    def __init__(self, seed: int, *, is_rough: bool = False) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.more = Random(f"rough {seed}")
        self.ticks = is_rough
        self.unanswered = 0
        """So many of the next writes of settings get no answer, whatever the cloud makes of them."""
        weather = self._weather()
        self.cloud = ModelCloud(self._rougher(weather) if is_rough else weather)
        self.ledger, self.reading = Ledger(), Reading()
        self.set_back = timedelta()
        """By how much the keeper's clock was set back."""
        self.must: set[Says] = set()
        self.must_not: set[Says] = set()
        self.settled: set[str] = set()
        self.wished: dict[str, object] = {}
        self.log: list[str] = []
        self.steps = 0
        self.rested = 0.0
        """Seconds in which nothing was open."""
        self.excused: set[Says] = set()
        self.deletes: dict[str, Says] = {}
        self.adds: dict[str, Says] = {}
        self.ends: dict[str, ChangeState] = {}
        hours = self.random.sample(range(14, 24), self.random.randint(1, 5))
        for hour in sorted(hours):
            entry = self._entry(self.random.choice(list(BatteryFamily)), hour)
            self.cloud.add(entry, is_applied=True)
            self.must.add(says(entry))
        self.entries = len(hours)
        self.free = [hour for hour in range(14, 24) if hour not in hours]
        self.cloud.now = 200.0
        # What the coordinator has read when it was set up.
        self.reading.take(self.moment, settings=self.cloud.settings(), schedules=self.cloud.schedules())
        self.cloud.answers = 0

    def _entry(self, family: BatteryFamily, hour: int) -> BatteryEntry:
        limit = None if family is _RBD else 50.0
        return BatteryEntry(family=family, start=time(hour), end=time(hour, 50), days=_ALL_DAYS, limit=limit, time_zone="UTC")

    def _weather(self) -> Weather:
        random = self.random
        families = list(BatteryFamily)
        drops: dict[BatteryFamily | str, tuple[BatteryFamily, ...]] = {}
        for kind in (*families, "profile"):
            if random.random() < 0.6:
                drops[kind] = tuple(random.sample(families, random.randint(1, 3)))
        offline = (0.0, 0.0)
        if random.random() < 0.1:
            offline = (200.0, 200.0 + random.choice([900.0, 7200.0]))
        group: tuple[BatteryFamily | None, float, float] = (None, 0.0, 0.0)
        if random.random() < 0.2:
            begin = 200.0 + random.random() * 300
            group = (random.choice(families), begin, begin + random.choice([20.0, 40.0, 120.0]))
        return Weather(
            drops=drops,
            drop_after=random.choice([None, None, 0.0, 5.0, 12.0]),
            delay=random.choice([0.0, 10.0, 20.0, 20.0, 60.0, 120.0, 300.0, 800.0]),
            settings_lag=random.choice([0.0, 0.0, 0.0, 10.0, 45.0, 90.0]),
            schedules_lag=random.choice([0.0, 0.0, 0.0, 10.0, 45.0, 90.0]),
            offline=offline,
            missing_group=group,
            empty_every=random.choice([0, 0, 0, 3, 5]),
            lost_while_pending=random.random() < 0.2,
            source=random.choice(["indifferent", "indifferent", "needed", "ignored"]),
            checks_conflicts=random.random() < 0.7,
            pending_while_off=random.random() < 0.3,
            loses_answer_every=random.choice([0, 0, 0, 0, 3, 7]),
        )

    def _rougher(self, weather: Weather) -> Weather:
        """Return weather in which more goes wrong, and processes die."""
        more = self.more
        return replace(
            weather,
            applies_drop_every=more.choice([0, 0, 0, 2, 4]),
            unapplied_vanish_after=more.choice([None, 900.0, 3600.0]),
            rbd_off_wants_whole=more.random() < 0.2,
            profile_brings=more.random() < 0.5,
            kills=more.choice([0.0, 0.0, 0.1, 0.3]),
        )

    # --- What happens ---

    @property
    def moment(self) -> datetime:
        """The time."""
        return _EPOCH + timedelta(seconds=self.cloud.now) - self.set_back

    def run(self) -> list[str]:
        """Live through it; return what is wrong in the end."""
        later = [self.random.choice([0.0, 1.0, 20.0, 60.0, 400.0]) + self.random.random() * 3 for _ in range(self.random.randint(1, 4))]
        for at in sorted(200.0 + seconds for seconds in later):
            self.keep_until(at)
            self._happen()
        last_at = self.cloud.now
        self.keep_until(last_at + _LIVES_FOR)
        while not self.ledger.is_at_rest and self.cloud.now < last_at + _RESTS_WITHIN:
            self.keep_until(self.cloud.now + _TICK)
        return self.judge()

    def _happen(self) -> None:
        toggles = [self._toggle] * 3
        others = [self._reserve, self._profile, self._add, self._delete, self._override, self._clear, self._restart, self._app_deletes]
        self.random.choice([*toggles, *others])()

    def _put(self, intent: Intent) -> None:
        override.note_wish(self.ledger, intent.wish)
        self.ledger.intents.append(intent)
        self.log.append(f"{self.cloud.now:.0f} wants {intent.what}")

    def _toggle(self) -> None:
        family = self.random.choice(list(BatteryFamily))
        is_on = self.random.random() < 0.6
        name = SWITCH_NAMES[family]
        self._put(Intent(f"{name} {is_on}", self.moment, BatteryWish(**{name: is_on})))

    def _reserve(self) -> None:
        value = self.random.choice([20, 30, 40])
        self._put(Intent(f"reserve {value}", self.moment, BatteryWish(reserve=value)))

    def _profile(self) -> None:
        value = self.random.choice(["self-consumption", "cost_savings"])
        self._put(Intent(f"profile {value}", self.moment, BatteryWish(profile=value)))

    def _add(self) -> None:
        if self.free:
            entry = self._entry(self.random.choice(list(BatteryFamily)), self.free.pop())
            intent = Intent("add", self.moment, writes=[KeptEntry.keep(entry)])
            self.adds[intent.id] = says(entry)
            self._put(intent)

    def _delete(self) -> None:
        there = [row for row in self.cloud.rows if says(row.entry) in self.must]
        if there:
            row = self.random.choice(there)
            self.must.discard(says(row.entry))
            intent = Intent("delete", self.moment, deletes=[KeptEntry.keep(row.entry)])
            self.deletes[intent.id] = says(row.entry)
            self._put(intent)

    def _app_deletes(self) -> None:
        there = [row for row in self.cloud.rows if says(row.entry) in self.must]
        if there:
            row = self.random.choice(there)
            self.log.append(f"{self.cloud.now:.0f} the app deletes {says(row.entry)}")
            # One put back is allowed under an open guard; what was just read before counts too.
            self.must.discard(says(row.entry))
            self.excused.add(says(row.entry))
            self.cloud.delete(row.id)

    def _override(self) -> None:
        start = self.moment
        ends_at = start + timedelta(minutes=self.random.choice([5, 60, 120]))
        family = self.random.choice(list(BatteryFamily))
        entry = override.temporary_entry(family, start, ends_at, None if family is _RBD else 60.0, UTC)
        self._put(Intent("override", start, override=OverrideWish(KeptEntry.keep(entry), ends_at, None)))

    def _clear(self) -> None:
        if self.ledger.override is not None:
            self.ledger.override.is_ending = True
        self._put(Intent("clear", self.moment, ends_override=True))

    def _restart(self) -> None:
        self.log.append(f"{self.cloud.now:.0f} restarts")
        self.ledger, is_whole = read_ledger(self.ledger.to_dict())
        assert is_whole
        self.reading = Reading()

    # --- Keeping ---

    def keep_until(self, until: float) -> None:
        """Do what the keeper does, until then."""
        idle = 0
        while self.cloud.now < until:
            self.steps += 1
            if self.steps > _MOST_STEPS:
                raise AssertionError(f"world {self.seed} never rests: {self.log[-12:]}")
            now = self.moment
            step = decide(self.ledger, self.reading, now)
            self.ends |= {intent.id: intent.state for intent in self.ledger.intents if not intent.is_open}
            match step:
                case AtRest():
                    began_at, rest = self.cloud.now, _TICK if self.ticks else until
                    self.cloud.live(min(until, self.cloud.now + (60.0 if self.ledger.override else rest)))
                    self.rested += self.cloud.now - began_at
                    if self.ticks:
                        self._tick()
                case Rest(moment):
                    seconds = max((moment - now).total_seconds(), 0.0)
                    idle = idle + 1 if seconds == 0 else 0
                    if idle > 30:
                        raise AssertionError(f"world {self.seed} spins: {self.log[-12:]} {self.ledger.open_intents}")
                    self.cloud.live(min(self.cloud.now + seconds, until))
                case Read():
                    self._read(step)
                case _:
                    self._write(step)

    def _tick(self) -> None:
        """Take what the coordinator reads now and then, whoever asks."""
        self.reading.take(self.moment, settings=self.cloud.settings(), schedules=self.cloud.schedules())
        self.cloud.reads -= 2
        observe(self.ledger, self.reading, self.moment, Read(settings=True, schedules=True))

    def _read(self, step: Read) -> None:
        self.cloud.live(self.cloud.now + 0.3)
        now = self.moment
        self.reading.take(
            now,
            settings=self.cloud.settings() if step.settings else None,
            schedules=self.cloud.schedules() if step.schedules else None,
            profile=self.cloud.profile() if step.profile else None,
        )
        observe(self.ledger, self.reading, now, step)

    def _write(self, step: Write) -> None:
        cloud = self.cloud
        take_back = note(self.ledger, step, self.reading, self.moment)
        cloud.live(cloud.now + 0.3)
        cloud.writes += 1
        self.log.append(f"{cloud.now:.0f} {_told(step)}")
        loses = cloud.weather.loses_answer_every
        is_lost = bool(loses) and self.random.random() < 1 / loses
        if is_lost and self.random.random() < 0.5:
            taken(self.ledger, step, self.moment, is_unanswered=True)
            return
        is_dead = self.more.random() < cloud.weather.kills
        if is_dead and self.more.random() < 0.5:
            self._restart()
            return
        is_taken = True
        match step:
            case DeleteEntry(entry):
                cloud.delete(entry.id)
            case WriteEntry(entry) if entry.id:
                cloud.change(entry)
            case WriteEntry(entry):
                is_taken = cloud.add(entry)
            case WriteSettings():
                is_lost = not self._write_settings(step) or is_lost
            case WriteAlone(intent, names_source):
                cloud.toggle({"profile": intent.wish.profile}, (), names_source=names_source, kind="profile")
        if is_dead:
            self._restart()
        elif is_lost:
            taken(self.ledger, step, self.moment, is_unanswered=True)
        elif is_taken:
            taken(self.ledger, step, self.moment)
        else:
            take_back()
            refused(self.ledger, step, "conflict", self.moment, is_conflict=True)

    def _write_settings(self, step: WriteSettings) -> bool:
        """Write settings; return whether there is an answer."""
        cloud, values, applied = self.cloud, dict(step.wish.named), [*step.applied, *step.wish.families]
        if values.get("charge_from_grid") and any(row.entry.family is _CFG for row in cloud.rows):
            values["charge_schedules"] = True
        is_rbd_on = values.get("restrict_discharge", cloud.values["restrict_discharge"])
        if cloud.weather.rbd_off_wants_whole and not is_rbd_on and not step.is_whole:
            applied = [family for family in applied if family is not _RBD]
            values.pop("restrict_discharge", None)
        cloud.toggle(values, tuple(applied), names_source=step.names_source)
        if self.unanswered:
            self.unanswered -= 1
            return False
        return True

    # --- The end ---

    def judge(self) -> list[str]:
        """Return what is wrong."""
        there = [says(row.entry) for row in self.cloud.rows]
        left = {says(kept) for kept in self.ledger.not_put_back}
        added = {one for key, one in self.adds.items() if self.ends.get(key) is ChangeState.APPLIED}
        wrong = [f"lost {one}" for one in (self.must | added - self.excused) - set(there) - left]
        weather = self.cloud.weather
        is_honest = not weather.loses_answer_every and not weather.kills and not weather.applies_drop_every
        if is_honest and not weather.unapplied_vanish_after:
            wrong += [f"kept aside {one}" for one in left & self.must]
        gone = {one for key, one in self.deletes.items() if self.ends.get(key) is ChangeState.APPLIED}
        wrong += [f"came back {one}" for one in gone & set(there)]
        wrong += [f"{there.count(one)} times {one}" for one in set(there) if there.count(one) > 1]
        if self.ledger.override is not None:
            wrong.append("the override goes on")
        wrong += [f"temporary {one}" for one in there if one[1] < time(14)]
        wrong += [f"{intent.what} is {intent.state}" for intent in self.ledger.open_intents]
        if not self.ledger.is_at_rest:
            wrong.append(f"not at rest: {self.ledger.guard} {self.ledger.owed} {self.ledger.expected}")
        wrong += self._broken_words(there)
        return [*wrong, *self._too_many_requests()]

    def _too_many_requests(self) -> list[str]:
        """Return what was asked for too often.

        Writes are bounded; reads belong to a write, to a minute in which something is open, or to an answer that could not be believed.
        """
        cloud = self.cloud
        most_reads = _READS_OF_START + _READS_OF_WRITE * cloud.writes + _READS_OF_MINUTE * (cloud.now - self.rested) / 60 + cloud.empties
        # So many for each entry and each wish; a process that died writes once more what it does not know of.
        wishes = sum(" wants " in line for line in self.log)
        most_writes = _WRITES_OF_EACH * (self.entries + wishes) + sum(line.endswith("restarts") for line in self.log)
        is_too_much = cloud.reads > most_reads or cloud.writes > most_writes
        return [f"{cloud.reads} reads ({most_reads:.0f} at most) and {cloud.writes} writes ({most_writes} at most)"] if is_too_much else []

    def _broken_words(self, there: list[Says]) -> list[str]:
        wrong = []
        seen: set[str] = set()
        for intent in reversed(self.ledger.intents):
            for name, value in intent.wish.named.items():
                is_later = name in seen
                seen |= {name, *(("charge_from_grid", "reserve") if name == "profile" else ())}
                if not is_later and intent.state is ChangeState.APPLIED and not intent.is_override and self.cloud.values.get(name) != value:
                    wrong.append(f"applied, but {name} is {self.cloud.values.get(name)}")
        return wrong


def _told(step: Write) -> str:
    match step:
        case DeleteEntry(entry, intent):
            return f"DELETE {says(entry)} {entry.id} for {intent.what if intent else None}"
        case WriteEntry(entry, intent):
            return f"ADD {says(entry)} for {intent.what if intent else 'put back'}"
        case WriteSettings(wish, applied, intents, names_source):
            return f"PUT {wish.named} applies {[one.value for one in applied]} for {[one.what for one in intents]} source={names_source}"
        case WriteAlone(intent):
            return f"PUT profile for {intent.what}"
