"""Services of the cloud that can fail without the chargers failing."""

from collections.abc import Awaitable

from .const import LOGGER
from .enlighten import AuthError, EnlightenError, RequestCeiling, RequestRejected

# A site that does not have a service says so in one of these ways (docs/cloud-api/chargers.md §7): nothing to tell anybody.
_NOT_HERE = {401, 403, 404, 405}


class OptionalServices:
    """Asks them; an outage is logged once, and so is its end."""

    def __init__(self) -> None:
        self._down: set[str] = set()

    async def ask[T](self, service: str, question: Awaitable[T]) -> T | None:
        """Return the answer, `None` where there is none.

        Raises:
            AuthError: The session is gone, which is everybody's affair.
        """
        try:
            answer = await question
        except AuthError:
            raise
        except RequestRejected as err:
            if err.status not in _NOT_HERE:
                self._note_outage(service, err)
            return None
        except RequestCeiling:
            return None
        except EnlightenError as err:
            self._note_outage(service, err)
            return None
        if service in self._down:
            self._down.remove(service)
            LOGGER.info("The %s service answers again", service)
        return answer

    def _note_outage(self, service: str, err: EnlightenError) -> None:
        if service not in self._down:
            self._down.add(service)
            LOGGER.warning("The %s service does not answer: %s", service, err)
