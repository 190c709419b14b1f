"""The configuration folder of a Home Assistant that keeps to itself.

Without ``default_config``, whose discovery and cloud integrations reach out, and without the onboarding steps that
would add such integrations.
"""

from datetime import UTC, datetime
import json
from pathlib import Path
import shutil
import zipfile

DOMAIN = "enphase_ev"
ROOT = Path(__file__).parents[2]
CUSTOM_COMPONENTS = ROOT / "custom_components"
BLUEPRINTS = ROOT / "blueprints"

# Set up by a bare line in configuration.yaml, beside what Home Assistant always sets up.
YAML_INTEGRATIONS = ("config", "energy", "history", "logbook", "my", "recorder", "sun")

CONFIGURATION = """\
homeassistant:
  name: {name}
  latitude: -37.8136
  longitude: 144.9631
  elevation: 31
  unit_system: metric
  currency: EUR
  country: NL
  time_zone: {time_zone}
  auth_providers:
{auth_providers}
logger:
  default: info
  logs:
    custom_components.{domain}: debug
automation: !include automations.yaml
{integrations}
"""

PASSWORD_PROVIDER = """\
    - type: homeassistant
"""

# Whoever opens the page on this very machine is signed in without typing.
LOOPBACK_PROVIDER = """\
    - type: trusted_networks
      trusted_networks:
        - 127.0.0.1
        - ::1
      allow_bypass_login: true
"""


def write(folder: Path, *, port: int, name: str, time_zone: str, sign_in_by_loopback: bool, release: Path | None = None) -> None:
    """Lay a configuration folder: YAML, web server, onboarding steps to skip, blueprints, the integration as a link or from its zip."""
    storage = folder / ".storage"
    storage.mkdir(parents=True, exist_ok=True)
    custom_components = folder / "custom_components"
    if release is not None:
        with zipfile.ZipFile(release) as packed:
            packed.extractall(custom_components / DOMAIN)
    elif not custom_components.is_symlink():
        custom_components.symlink_to(CUSTOM_COMPONENTS, target_is_directory=True)
    (folder / "configuration.yaml").write_text(
        CONFIGURATION.format(
            name=name,
            time_zone=time_zone,
            auth_providers=(LOOPBACK_PROVIDER if sign_in_by_loopback else "") + PASSWORD_PROVIDER,
            domain=DOMAIN,
            integrations="\n".join(f"{integration}:" for integration in YAML_INTEGRATIONS),
        ),
        encoding="utf-8",
    )
    # Where the editor of automations keeps them.
    (folder / "automations.yaml").touch()
    # As if they were imported. Copies: Home Assistant can delete what it has imported.
    shutil.copytree(BLUEPRINTS, folder / "blueprints", dirs_exist_ok=True)
    # `http:` in YAML is a trial that makes Home Assistant restart itself after five minutes: its storage is written.
    server = {
        "server_host": ["127.0.0.1"],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": False,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "created_at": datetime.now(UTC).isoformat(),
        "error": None,
        "error_message": None,
    }
    _store(
        storage / "http",
        version=2,
        minor_version=2,
        data={"stable": server, "pending": None, "yaml_migration_done": True},
    )
    onboarding = storage / "onboarding"
    if not onboarding.exists():
        _store(onboarding, version=4, minor_version=1, data={"done": ["core_config", "analytics", "integration"]})


def _store(path: Path, *, version: int, minor_version: int, data: dict[str, object]) -> None:
    """Write a file as Home Assistant's storage does."""
    content = {"version": version, "minor_version": minor_version, "key": path.name, "data": data}
    path.write_text(json.dumps(content), encoding="utf-8")
