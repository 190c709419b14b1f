"""How a field of a model is read off the wire."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mashumaro import DataClassDictMixin, field_options
from mashumaro.config import BaseConfig

from ..parsing import Json, read_bool


@dataclass(frozen=True, kw_only=True)
class Model(DataClassDictMixin):
    """Base of what the cloud says. Reading one never fails: what is missing, null or unreadable has its default."""

    class Config(BaseConfig):
        """Build the reader when it is first used: importing the integration stays quick."""

        lazy_compilation = True


def wire[T](alias: str, read: Callable[[Json], T | None]) -> T | None:
    """Declare a field that is `None` where the cloud does not say it."""
    value: T | None = field(default=None, metadata=field_options(alias=alias, deserialize=read))
    return value


def flag(alias: str) -> bool:
    """Declare a boolean that is false where the cloud does not say it."""
    value: bool = field(default=False, metadata=field_options(alias=alias, deserialize=_read_flag))
    return value


def derived[T](default: T) -> T:
    """Declare a field that the model's own reader works out; no key of the cloud can set it."""
    # A key of the cloud can even be the empty text, so what stands under the alias is never looked at.
    value: T = field(default=default, metadata=field_options(alias="", deserialize=lambda _: default))
    return value


def derived_mapping[K, V]() -> Mapping[K, V]:
    """Declare a mapping that the model's own reader works out, empty where it finds nothing."""
    value: Mapping[K, V] = field(default_factory=dict, metadata=field_options(alias="", deserialize=lambda _: {}))
    return value


def _read_flag(value: Json) -> bool:
    return read_bool(value) is True
