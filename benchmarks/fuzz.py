"""Looks for input that no reader was made for, led by coverage: `python -m benchmarks.fuzz [--seconds 60] [READER…]`.

Every reader of the client gets broken answers in a process of its own, bred from those that made it do something new. It stops at the
first one that raises what is no error of ours, returns something without an end, or takes longer than five seconds, and names the file
that holds it. Needs `atheris`: `.venv/bin/uv pip install --group fuzz`. The short form, without coverage, is
`tests/hostile/test_readers.py`.
"""

import argparse
from pathlib import Path
from random import Random
import subprocess
import sys
import tempfile

import atheris

with atheris.instrument_imports(include=["custom_components.enphase_ev.enlighten"]):
    from simulator.mutation import mutate_body
    from tests.hostile.readers import READERS, probe

_LONGEST = 5
_CHILD = "--child"
# Of ten changes, so many are made by somebody who knows what an answer looks like.
_KNOWING = 7


def _fuzz(name: str, arguments: list[str]) -> None:
    """Fuzz one reader; does not return."""
    reader = READERS[name]

    def change(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        changed = mutate_body(data, random) if random.randrange(10) < _KNOWING else atheris.Mutate(data, most)
        return bytes(changed[:most])

    atheris.Setup([sys.argv[0], *arguments], lambda data: probe(reader, data), custom_mutator=change)
    atheris.Fuzz()


def _start(name: str, seconds: int) -> int:
    """Fuzz one reader in a process of its own and return its exit code."""
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    for number, seed in enumerate(READERS[name].seeds):
        (folder / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={_LONGEST}",
        "-max_len=200000",
        "-print_final_stats=1",
        f"-artifact_prefix={folder}/",
    ]
    print(f"── {name}", flush=True)
    return subprocess.call([sys.executable, "-m", "benchmarks.fuzz", _CHILD, name, *options, str(folder)])  # noqa: S603 - this very program


def main() -> None:
    """Fuzz all readers, or those that are named, one after the other."""
    if sys.argv[1:2] == [_CHILD]:
        _fuzz(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long for each reader")
    parser.add_argument("readers", nargs="*", metavar="READER", help=", ".join(READERS))
    options = parser.parse_args()
    failed = [name for name in options.readers or READERS if _start(name, options.seconds)]
    print(f"Found something: {', '.join(failed)}" if failed else "Found nothing")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
