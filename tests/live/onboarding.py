"""Adding the integration without a browser: its config flow over REST, answered as a person would."""

from collections.abc import Mapping

from tests.live.home_assistant import FlowStep, HomeAssistant
from tests.live.simulator import Account


class FlowError(Exception):
    """A config flow that did not end with an entry."""


def _first_option(step: FlowStep, field: str) -> object:
    """The first choice that the form offers for a field."""
    for schema in step.get("data_schema", []):
        if schema["name"] == field:
            options = schema.get("selector", {}).get("select", {}).get("options", [])
            return options[0]["value"] if options and isinstance(options[0], Mapping) else options[0]
    raise FlowError(f"step {step.get('step_id')!r} has no field {field!r}")


def _defaults(step: FlowStep) -> dict[str, object]:
    """What the form would send when a person changes nothing."""
    return {field["name"]: field["default"] for field in step.get("data_schema", []) if "default" in field}


async def add_integration(home_assistant: HomeAssistant, account: Account) -> FlowStep:
    """Sign in, enter the one-time code when asked, pick the first site, keep all chargers ticked."""
    step = await home_assistant.start_flow()
    while step["type"] == "form":
        if step.get("errors"):
            raise FlowError(f"step {step.get('step_id')!r}: {step.get('errors')}")
        match step.get("step_id"):
            case "user":
                answer: dict[str, object] = {
                    "email": account["email"],
                    "password": account["password"],
                    "remember_password": True,
                }
            case "code":
                answer = {"code": account["code"]}
            case "site":
                answer = {"site": _first_option(step, "site")}
            case _:
                answer = _defaults(step)
        step = await home_assistant.continue_flow(step, answer)
    if step["type"] != "create_entry":
        raise FlowError(f"{step['type']}: {step.get('reason')}")
    return step
