"""A simulated world on the disk, so that a demo goes on where the last one stopped."""

from hashlib import sha256
from pathlib import Path
import pickle

from .world import World

_FOLDER = Path(__file__).parent


def save(world: World, path: Path) -> None:
    """Write down a world that nothing lives in any more."""
    world.settle()
    # From here on its clock stands still.
    world.clock.speed = world.clock.speed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_stamp() + pickle.dumps(world))


def load(path: Path, scenario: str) -> World | None:
    """The world that was written down, at the moment at which it was; ``None`` where it is not of this scenario and simulator."""
    if not path.exists():
        return None
    stamp, saved = path.read_bytes()[: len(_stamp())], path.read_bytes()[len(_stamp()) :]
    if stamp != _stamp():
        return None
    world = pickle.loads(saved)  # noqa: S301 - this very program has written it, into the folder of its demo
    if not isinstance(world, World) or world.scenario != scenario:
        return None
    world.clock.go_on()
    return world


def _stamp() -> bytes:
    """What tells the worlds of this simulator from those of another version of it."""
    sources = sorted(_FOLDER.rglob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in sources)).digest()
