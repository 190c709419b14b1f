"""All switches of the simulated cloud: how a group of them works (here), the list of a deployment, and those of its batteries."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from mashumaro import DataClassDictMixin

from ..wire import JsonObject


@dataclass
class Switches(DataClassDictMixin):
    """A group of switches; a field may be a group of its own."""

    def update(self, changes: Mapping[str, object]) -> None:
        """Set switches from JSON values, all or none; raises ValueError or TypeError for a name or a value that does not exist."""
        changed = type(self).from_dict(self.merged(changes))
        for name in changes:
            value, new = getattr(self, name), getattr(changed, name)
            if isinstance(value, Switches):
                # The group stays the same object: others hold it.
                value.take_over(new)
            else:
                setattr(self, name, new)

    def merged(self, changes: Mapping[str, object]) -> dict[str, object]:
        """All values with changes among them, as JSON; raises ValueError for a name that does not exist."""
        known = {switch.name for switch in fields(self)}
        if unknown := set(changes) - known:
            raise ValueError(f"No such switch: {', '.join(sorted(unknown))}")
        values: dict[str, object] = {**self.to_dict(), **changes}
        for name, change in changes.items():
            group = getattr(self, name)
            if isinstance(group, Switches):
                if not isinstance(change, Mapping):
                    raise TypeError(f"{name} is a group of switches")
                values[name] = group.merged(change)
        return values

    def take_over(self, other: Switches) -> None:
        """Set every switch to what it is in another group of the same kind."""
        for switch in fields(self):
            value, new = getattr(self, switch.name), getattr(other, switch.name)
            if isinstance(value, Switches):
                value.take_over(new)
            else:
                setattr(self, switch.name, new)

    def as_json(self) -> JsonObject:
        """All switches."""
        return self.to_dict()
