"""How much the tests try: a part of what is expensive by default, all of it with `--thorough` (or `ENPHASE_EV_THOROUGH=1`)."""

from collections.abc import Sequence
import os

from hypothesis import HealthCheck, Phase, settings

VARIABLE = "ENPHASE_EV_THOROUGH"
_DEFAULT_SHARE = 0.25


def is_thorough() -> bool:
    """Return whether everything is to be tried. It is known before the test modules are imported."""
    return os.environ.get(VARIABLE, "") not in {"", "0"}


def examples(thorough: int) -> int:
    """Return how many examples a property is tried with: this many when thorough, a quarter of it by default."""
    return thorough if is_thorough() else max(1, round(thorough * _DEFAULT_SHARE))


def one_in[T](count: int, cases: Sequence[T]) -> list[T]:
    """Return every case when thorough, else each `count`th of them, always the same ones."""
    return list(cases) if is_thorough() else list(cases[::count])


def at_most[T](count: int, cases: Sequence[T]) -> list[T]:
    """Return every case when thorough, else at most `count`, spread evenly from the first one on."""
    return list(cases) if is_thorough() or len(cases) <= count else [cases[number * len(cases) // count] for number in range(count)]


def shares[T](cases: Sequence[T], count: int = 3) -> list[tuple[T, int]]:
    """Cut the trials of each case into `count` shares, each a test: `(case, share)`.

    The test with share `n` runs the trials `n`, `n + count`, `n + 2 * count`, … of its case, so that no single test is as long as all of
    them. When thorough, there are all shares of each case; by default one of each, another one from case to case, so that the
    trials that are left out differ.
    """
    return [(case, share) for number, case in enumerate(cases) for share in range(count) if is_thorough() or share == number % count]


def costly(thorough: int) -> settings:
    """Return the settings of a property whose single example takes seconds, because it sets up Home Assistant or a simulator.

    It does not shrink: that would take minutes, and the example that was found is printed as it is. By default the examples are always the
    same ones, so that a check says something about the change that it checks; a thorough run looks for new ones.
    """
    return settings(
        derandomize=not is_thorough(),
        max_examples=examples(thorough),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def register_profiles() -> None:
    """Load the profile for all properties: no deadline (a busy machine is no defect), and a failing example that can be pasted.

    Without the explain phase, which runs a failing test many times more. What is printed as “Failing test case” goes into the test
    as `@example(…)`; the printed `@reproduce_failure(…)` does where arguments cannot be written down.
    """
    phases = [Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink]
    settings.register_profile("default", deadline=None, print_blob=True, phases=phases, max_examples=50)
    settings.register_profile("thorough", settings.get_profile("default"), max_examples=400)
    settings.load_profile("thorough" if is_thorough() else "default")
