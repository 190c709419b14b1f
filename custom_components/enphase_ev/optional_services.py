"""Services of the cloud that can fail without the chargers failing."""

from collections.abc import Awaitable

from .const import LOGGER
from .enlighten import AuthError, EnlightenError


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
        except EnlightenError as err:
            if service not in self._down:
                self._down.add(service)
                LOGGER.warning("The %s service does not answer: %s", service, err)
            return None
        if service in self._down:
            self._down.remove(service)
            LOGGER.info("The %s service answers again", service)
        return answer
