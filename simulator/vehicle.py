"""A vehicle: a battery with a size, a state of charge and an on-board charger."""

from dataclasses import dataclass

# Below this share of its full power a vehicle does not charge at all.
LOWEST_TAPER = 0.2


@dataclass
class Vehicle:
    """What hangs on the cable.

    Energies are Wh at the battery; `efficiency` is what of the energy drawn gets there.
    """

    battery_wh: float = 75_000.0
    """Size of the battery, Wh."""
    state_of_charge: float = 0.4
    """Share of the battery that is full, 0 … 1."""
    target: float = 0.8
    """Share at which the vehicle stops asking for energy, 0 … 1."""
    max_amps: float = 32.0
    """What its on-board charger takes, A per phase."""
    phases: int = 3
    """Phases of its on-board charger, 1 … 3."""
    efficiency: float = 0.92
    """Share of the energy drawn that reaches the battery."""
    taper_from: float = 0.95
    """State of charge from which it takes less and less."""
    miles_per_kwh: float = 3.9
    """Range gained, miles per kWh drawn."""

    @property
    def satisfied(self) -> bool:
        """Whether it has what it wants."""
        return self.state_of_charge >= min(self.target, 1.0) - 1e-9

    @property
    def full(self) -> bool:
        """Whether nothing more fits in."""
        return self.state_of_charge >= 1.0 - 1e-9

    def amps_wanted(self, offered: float) -> float:
        """What it draws of the current offered, A per phase."""
        if self.satisfied:
            return 0.0
        share = 1.0
        if self.state_of_charge > self.taper_from:
            left = (1.0 - self.state_of_charge) / (1.0 - self.taper_from)
            share = max(LOWEST_TAPER, left)
        return min(offered, self.max_amps * share)

    def room_wh(self) -> float:
        """Energy that can still be drawn until it is satisfied, Wh at the plug."""
        return max(0.0, (min(self.target, 1.0) - self.state_of_charge) * self.battery_wh / self.efficiency)

    def take(self, energy_wh: float) -> None:
        """Put energy that was drawn into the battery, Wh at the plug."""
        self.state_of_charge = min(1.0, self.state_of_charge + energy_wh * self.efficiency / self.battery_wh)
