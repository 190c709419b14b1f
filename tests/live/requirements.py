"""What Home Assistant would install by itself at its first start, so that it can run with ``--skip-pip``.

``python -m tests.live.requirements`` prints one requirement a line, read from the manifests of the installed Home
Assistant and of this integration.
"""

from collections.abc import Iterable
import json
from pathlib import Path

from homeassistant import components
from homeassistant.bootstrap import CORE_INTEGRATIONS, DEFAULT_INTEGRATIONS

from tests.live.configuration import CUSTOM_COMPONENTS, DOMAIN, YAML_INTEGRATIONS

# Never set up here, but others import their libraries.
IMPORTED_INTEGRATIONS = ("hassio",)


def manifest_of(domain: str) -> dict[str, list[str]]:
    """The lists of an integration's manifest; one of ours wins over one of Home Assistant's, as it does there."""
    places = (CUSTOM_COMPONENTS, *(Path(place) for place in components.__path__))
    for place in places:
        path = place / domain / "manifest.json"
        if path.exists():
            manifest = json.loads(path.read_text(encoding="utf-8"))
            return {key: value for key, value in manifest.items() if isinstance(value, list)}
    return {}


def requirements_of(domains: Iterable[str]) -> list[str]:
    """The requirements of these integrations and of all that they depend on."""
    seen: set[str] = set()
    requirements: set[str] = set()
    waiting = set(domains)
    while waiting:
        domain = waiting.pop()
        seen.add(domain)
        manifest = manifest_of(domain)
        requirements.update(manifest.get("requirements", []))
        waiting.update(set(manifest.get("dependencies", [])) - seen)
    return sorted(requirements)


if __name__ == "__main__":
    always = CORE_INTEGRATIONS | DEFAULT_INTEGRATIONS
    print(*requirements_of({DOMAIN, *always, *IMPORTED_INTEGRATIONS, *YAML_INTEGRATIONS}), sep="\n")
