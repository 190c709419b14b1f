"""scripts/redact: a payload of a real site becomes a sample, and nothing of the site is left in it."""

import json
from pathlib import Path
import subprocess

import pytest

from tests.structure.source import ROOT

SAMPLES = sorted((ROOT / "tests" / "fixtures" / "api").glob("*.json"))
PERSONAL = {
    "serial": "482300012345",
    "site": 7654321,
    "name": "Jo's garage",
    "email": "jo.doe@home.org",
    "ip": "192.168.178.20",
    "mac": "98:76:aa:bb:cc:dd",
    "ssid": "The Does",
    "uuid": "0b9f0c0e-aaaa-4bbb-8ccc-00000000abcd",
    "token": "eyJhbGciOiJ.eyJzdWIiOiI.c2lnbmF0",
}


def _redact(folder: Path, payload: object, *options: str) -> tuple[object, str]:
    """What the script writes, and what it tells."""
    captured = folder / "captured.json"
    captured.write_text(json.dumps(payload), encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own script
        [ROOT / "scripts" / "redact", captured, *options], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout), done.stderr


def _shape(value: object) -> object:
    """The types at their places; keys can be data, so that only their number counts."""
    match value:
        case dict():
            return [_shape(inner) for inner in value.values()]
        case list():
            return [_shape(inner) for inner in value]
        case _:
            return type(value)


@pytest.fixture
def payload() -> dict[str, object]:
    it = PERSONAL
    return {
        "data": {
            "siteId": it["site"],
            it["serial"]: {"connected": True, "lifeTimeConsumption": 1234.5},
            "chargers": [{"sn": it["serial"], "name": it["name"], "chargingLevel": "32", "firmwareVersion": "24.37.1.5", "mode": None}],
            "slot": f"{it['site']}:{it['serial']}:{it['uuid']}",
            "networkConfig": f"[ipaddr={it['ip']},mac_addr={it['mac']}]",
            "wifiConfig": f"[ssid={it['ssid']},ipaddr=127.0.0.1]",
            "note": f"Ask {it['email']}, who holds {it['token']}",
            "reported": "2025-10-16T12:00:00Z[UTC]",
            "reportedAt": 1760616000123,
        }
    }


def test_nothing_personal_is_left(tmp_path: Path, payload: dict[str, object]) -> None:
    redacted, _ = _redact(tmp_path, payload)

    text = json.dumps(redacted)
    assert [name for name, value in PERSONAL.items() if str(value) in text] == []


def test_shape_and_harmless_values_stay(tmp_path: Path, payload: dict[str, object]) -> None:
    redacted, _ = _redact(tmp_path, payload)

    assert _shape(redacted) == _shape(payload)
    text = json.dumps(redacted)
    for harmless in ('"32"', "24.37.1.5", "127.0.0.1", "2025-10-16T12:00:00Z[UTC]", "1760616000123", "1234.5"):
        assert harmless in text


def test_the_same_value_becomes_the_same(tmp_path: Path, payload: dict[str, object]) -> None:
    redacted, _ = _redact(tmp_path, payload)

    assert isinstance(redacted, dict)
    data = redacted["data"]
    assert data["slot"].split(":")[:2] == ["1234567", "EV000000000001"]
    assert data["siteId"] == 1234567
    assert "EV000000000001" in data
    assert data["chargers"][0]["sn"] == "EV000000000001"


def test_what_only_a_person_can_tell(tmp_path: Path, payload: dict[str, object]) -> None:
    redacted, told = _redact(tmp_path, {**payload, "remark": "next to Aunt Edna"}, "--also", "Aunt Edna=somebody")

    assert isinstance(redacted, dict)
    assert redacted["remark"] == "next to somebody"
    assert "1760616000123" in told


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_keeps_its_shape(tmp_path: Path, sample: Path) -> None:
    content = json.loads(sample.read_text(encoding="utf-8"))
    redacted, _ = _redact(tmp_path, content)

    assert _shape(redacted) == _shape(content)
