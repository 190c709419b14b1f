"""The simulator's clock: time.time(), made faster, and moved ahead at will."""

from datetime import UTC, datetime
import time


class Clock:
    """Two readings of one clock.

    ``time()`` is what chargers and vehicles live by: real time multiplied by ``speed``, plus what ``advance`` added.
    ``wall_time()`` is real time plus what ``advance`` added, never made faster: sessions, tokens, one-time codes and the
    throttle live by it, so that a client with an ordinary clock reads their expiry rightly at any speed.

    Both stand on ``time.time()``: where a test freezes that, this clock stands still too.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._advanced = 0.0
        self._anchor = time.time()
        self._anchor_simulated = self._anchor

    @property
    def speed(self) -> float:
        """Simulated seconds a real second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if speed < 0:
            raise ValueError("A clock does not run backwards")
        simulated = self.time()
        self._anchor = time.time()
        self._anchor_simulated = simulated
        self._speed = speed

    def go_on(self) -> None:
        """Go on at the moment at which the speed was set last: what passed since has not passed."""
        self._anchor = time.time()

    def time(self) -> float:
        """Simulated time, epoch seconds."""
        return self._anchor_simulated + (time.time() - self._anchor) * self._speed

    def now(self) -> datetime:
        """Simulated time, aware, UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def wall_time(self) -> float:
        """Real time plus what was advanced, epoch seconds: what credentials live by."""
        return time.time() + self._advanced

    def advance(self, seconds: float) -> None:
        """Move both readings ahead."""
        if seconds < 0:
            raise ValueError("A clock does not run backwards")
        self._advanced += seconds
        self._anchor_simulated += seconds

    def turn_back(self, seconds: float) -> None:
        """Move both readings back: only before anything has lived by them."""
        self._advanced -= seconds
        self._anchor_simulated -= seconds
