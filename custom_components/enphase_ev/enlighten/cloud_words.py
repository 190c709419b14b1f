"""The cloud's own words, made fit to be shown and logged: one line, short, and without anything that could be a secret.

Source: docs/cloud-api/README.md, "Errors in the cloud's own words".
"""

from collections.abc import Iterable
import re

# With the sentence around it, an error text has at most 300 characters.
LONGEST_MESSAGE = 200
# Honest words are shorter; tokens, session ids and keys are longer.
_LONGEST_HONEST_WORD = 23
# A shorter value of a cookie, such as a language, is no secret, and could be a part of any word.
_SHORTEST_SECRET = 6
_PERSONAL = re.compile(r"\S+@\S+|\b\w*\d{5,}\w*\b")
_LONG_WORD = re.compile(rf"\S{{{_LONGEST_HONEST_WORD + 1},}}")
# A reason in capitals (`BATTERY_SCHEDULE_CONFLICT_ERROR`), with what stands around it.
_REASON = re.compile(r"\W*[A-Z]{2,16}(?:_[A-Z]{2,16})+\W*")
_CODE = re.compile(r"[\w.-]{1,64}", re.ASCII)
_LONG_NUMBER = re.compile(r"\d{6}")
_GONE = "…"


def safe_message(message: str, secrets: Iterable[str] = ()) -> str:
    """Return the cloud's words on one line, without e-mail addresses, numbers of sites and devices, and secrets.

    `secrets` are the values that were sent along. A long word without a blank could be one that was not.
    """
    text = _without(" ".join(message.split()), secrets)
    if len(text) > LONGEST_MESSAGE:
        # Not in the middle of a word: that could be an address.
        text = f"{text[:LONGEST_MESSAGE].rpartition(' ')[0]} {_GONE}"
    text = _LONG_WORD.sub(lambda found: found[0] if _REASON.fullmatch(found[0]) else _GONE, text)
    return _PERSONAL.sub(_GONE, text)


def safe_code(code: str | None, secrets: Iterable[str] = ()) -> str | None:
    """Return the cloud's code for a refusal; `None` where it could be something else."""
    if code is None or not _CODE.fullmatch(code) or _LONG_NUMBER.search(code) or _without(code, secrets) != code:
        return None
    return code if len(code) <= _LONGEST_HONEST_WORD or _REASON.fullmatch(code) else None


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted((" ".join(secret.split()) for secret in secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = re.sub(re.escape(secret), _GONE, text, flags=re.IGNORECASE)
    return text
