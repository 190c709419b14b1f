"""The system profiles by the names that entities use."""

from .model import Battery

# The cloud's names, by ours.
PROFILES = {
    "self_consumption": "self-consumption",
    "cost_savings": "cost_savings",
    "backup_only": "backup_only",
    "ai_optimisation": "ai_optimisation",
    "expert": "expert",
}
# What a person can choose; the expert profile is made elsewhere.
CHOOSABLE = ("self_consumption", "cost_savings", "backup_only", "ai_optimisation")


def profile_name(wire_name: str | None) -> str | None:
    """Return our name of a profile."""
    return next((name for name, wire in PROFILES.items() if wire == wire_name), None)


def profile_shown(battery: Battery) -> str | None:
    """Return the profile in force."""
    settings, profile = battery.settings, battery.profile
    return profile_name((profile.profile if profile else None) or (settings.profile if settings else None))
