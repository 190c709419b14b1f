"""Finds the times to charge: few of them, and cheap. Times are whole seconds since 1970, prices are by the kWh.

The power is always the same. What a time costs is therefore its price times its length, here in "currency a kWh, times seconds".
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from math import inf

# What fewer starts may cost: this share more than the cheapest times there are.
FEWER_STARTS_ARE_WORTH = 0.02
# seconds. A contactor is not closed for less, unless less is wanted, nor open for less.
SHORTEST_BLOCK = 600
# What a start is weighed with while times are looked for, in parts of what fewer starts may cost. 0: the cheapest times, however many.
_WEIGHTS_OF_A_START = (8.0, 3.0, 1.0, 0.5, 0.25, 0.1, 0.04, 0.0)
_HALVINGS = 14
# Where prices are so wild that more times are needed than this, one less makes no difference.
_MOST_TO_TIDY = 8
# Prices and costs that differ by less are equal.
_EQUAL = 1e-9

type Block = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Span:
    """A time with one price."""

    start: int
    end: int
    price: float


@dataclass(frozen=True)
class PricedTime:
    """The time in which charging can be planned, as far as prices are known: spans in order, apart from each other, none empty."""

    spans: tuple[Span, ...]

    @cached_property
    def seconds(self) -> int:
        """Return how long it is."""
        return sum(span.end - span.start for span in self.spans)

    @cached_property
    def spread(self) -> float:
        """Return by how much the highest price is above the lowest one."""
        return max(span.price for span in self.spans) - min(span.price for span in self.spans)

    @cached_property
    def stretches(self) -> tuple[Block, ...]:
        """Return the times without a gap."""
        return tuple(_joined((span.start, span.end) for span in self.spans))

    @cached_property
    def _starts(self) -> list[int]:
        return [span.start for span in self.spans]

    @cached_property
    def _ends(self) -> list[int]:
        return [span.end for span in self.spans]

    @cached_property
    def _sums(self) -> list[float]:
        """Return what the spans before each one cost."""
        return list(accumulate(((span.end - span.start) * span.price for span in self.spans), initial=0.0))

    def cost(self, block: Block) -> float:
        """Return what a block costs; the part without a price counts nothing."""
        return self._cost_until(block[1]) - self._cost_until(block[0])

    def cost_of(self, blocks: Sequence[Block]) -> float:
        """Return what blocks cost together."""
        return sum(self.cost(block) for block in blocks)

    def mean_price(self, block: Block) -> float:
        """Return the price of a kWh over a block."""
        return self.cost(block) / (block[1] - block[0])

    def covers(self, block: Block) -> bool:
        """Return whether the price is known all through a block."""
        return any(start <= block[0] and block[1] <= end for start, end in self.stretches)

    def _cost_until(self, moment: int) -> float:
        index = bisect_right(self._starts, moment) - 1
        if index < 0:
            return 0.0
        span = self.spans[index]
        return self._sums[index] + (min(moment, span.end) - span.start) * span.price

    def since(self, moment: int) -> PricedTime:
        """Return what is left of it from a moment on."""
        return PricedTime(tuple(Span(max(span.start, moment), span.end, span.price) for span in self.spans if span.end > moment))

    def without_pieces(self, shortest: int) -> PricedTime:
        """Return it without the times that have gaps on both sides and are shorter than so many seconds."""
        long = [block for block in self.stretches if block[1] - block[0] >= shortest]
        return PricedTime(tuple(span for span in self.spans if any(start <= span.start < end for start, end in long)))

    def after(self, moment: int) -> Span | None:
        """Return the price that holds from a moment on."""
        index = bisect_right(self._starts, moment) - 1
        return self.spans[index] if index >= 0 and moment < self.spans[index].end else None

    def before(self, moment: int) -> Span | None:
        """Return the price that holds up to a moment."""
        index = bisect_left(self._ends, moment)
        return self.spans[index] if index < len(self.spans) and self.spans[index].start < moment else None

    def least_cost(self, seconds: int) -> float:
        """Return what the cheapest seconds cost, however many starts they take."""
        cost = 0.0
        for span in sorted(self.spans, key=lambda span: span.price):
            taken = min(seconds, span.end - span.start)
            cost += taken * span.price
            seconds -= taken
        return cost


def find_blocks(time: PricedTime, seconds: int) -> tuple[Block, ...] | None:
    """Return the fewest times of so many seconds that cost 2 % more than the cheapest at most; of equal ones the earliest.

    `None` where too much of the time is in pieces that are too short.
    """
    time = time.without_pieces(min(SHORTEST_BLOCK, seconds))
    if time.seconds < seconds:
        return None
    least = time.least_cost(seconds)
    allowed = abs(least) * FEWER_STARTS_ARE_WORTH
    slack = _EQUAL * max(1.0, abs(least))
    one = _cheapest_block(time, seconds)
    if one is not None and time.cost(one) <= least + allowed + slack:
        return (one,)
    found: list[tuple[Block, ...]] = [(one,)] if one is not None else []
    for weight in _WEIGHTS_OF_A_START:
        found += _weighed(time, seconds, weight * max(allowed, slack))
    if not found:
        return None
    cheapest = min(time.cost_of(blocks) for blocks in found)
    # No time of less than ten minutes: for that, it may have to cost more.
    most_cost = (least if cheapest <= least + allowed + slack else cheapest) + allowed + slack
    chosen = min((len(blocks), time.cost_of(blocks), blocks) for blocks in found if time.cost_of(blocks) <= most_cost)[2]
    return _with_fewer_starts(time, chosen, seconds, most_cost)


def _with_fewer_starts(time: PricedTime, blocks: tuple[Block, ...], seconds: int, most_cost: float) -> tuple[Block, ...]:
    """Leave out one block after the other, or the pause before one, as long as that does not cost more than it may."""
    while 1 < len(blocks) <= _MOST_TO_TIDY:
        fewer = [(*blocks[:index], *blocks[index + 1 :]) for index in range(len(blocks))]
        for index, (start, end) in enumerate((one[0], other[1]) for one, other in pairwise(blocks)):
            if time.covers((start, end)):
                fewer.append((*blocks[:index], (start, end), *blocks[index + 2 :]))
        found = [(time.cost_of(way), way) for one in fewer if (way := fit(time, one, seconds)) and len(way) < len(blocks)]
        cost, cheapest = min(found, default=(inf, blocks))
        if cost > most_cost:
            break
        blocks = cheapest
    return blocks


def _cheapest_block(time: PricedTime, seconds: int) -> Block | None:
    """Return the cheapest single time: it begins or ends where a price changes."""
    best: Block | None = None
    for start, end in time.stretches:
        edges = {edge for span in time.spans if start <= span.start and span.end <= end for edge in (span.start, span.end)}
        begins = {begin for edge in edges for begin in (edge, edge - seconds) if start <= begin <= end - seconds}
        for begin in sorted(begins):
            block = (begin, begin + seconds)
            if best is None or time.cost(block) < time.cost(best) - _EQUAL * seconds:
                best = block
    return best


def _weighed(time: PricedTime, seconds: int, start_cost: float) -> Iterator[tuple[Block, ...]]:
    """Yield times of so many seconds that are good where each start costs so much.

    A price is looked for up to which charging is worth it: just below it too little is charged, just above it too much.
    """
    too_little = min(span.price for span in time.spans)
    highest = max(span.price for span in time.spans)
    # Then even the shortest time without a gap is worth a start.
    enough = highest + max(_EQUAL, abs(highest) * _EQUAL) + 2 * start_cost / min(end - start for start, end in time.stretches)
    for _ in range(_HALVINGS):
        middle = (too_little + enough) / 2
        if _length(_worth_it(time, middle, start_cost)) < seconds:
            too_little = middle
        else:
            enough = middle
    for price in (too_little, enough):
        if fitted := fit(time, _worth_it(time, price, start_cost), seconds):
            yield fitted


def _worth_it(time: PricedTime, price: float, start_cost: float) -> list[Block]:
    """Return when to charge if a kWh is worth a price and each start costs something: the best there is, span by span."""
    off, on = 0.0, inf
    # By span: whether the best way to be off, and to be on, after it was on before it.
    ways: list[tuple[bool, bool]] = []
    until: int | None = None
    for span in time.spans:
        was_on = on < off
        if span.start != until:
            # Nothing is on across a gap, whatever was before it.
            off, on = min(off, on), inf
            ways.append((was_on, was_on))
        else:
            ways.append((was_on, on < off + start_cost))
        off, on = min(off, on), min(on, off + start_cost) + (span.price - price) * (span.end - span.start)
        until = span.end
    return _walked_back(time.spans, ways, is_on=on < off)


def _walked_back(spans: Sequence[Span], ways: Sequence[tuple[bool, bool]], *, is_on: bool) -> list[Block]:
    """Return the blocks that the ways from span to span have made."""
    taken: list[Block] = []
    for span, way in zip(reversed(spans), reversed(ways), strict=True):
        if is_on:
            taken.append((span.start, span.end))
        is_on = way[is_on]
    return _joined(reversed(taken))


def fit(time: PricedTime, blocks: Sequence[Block], seconds: int) -> tuple[Block, ...] | None:
    """Return blocks that are cut and lengthened at their edges until they are so long together; `None` where they cannot be.

    None is shorter than ten minutes, unless less is wanted: one that is gets longer or goes, whichever is cheaper.
    """
    shortest = min(SHORTEST_BLOCK, seconds)
    ways = [_stretched(time, blocks, shortest), blocks] if any(_length([block]) < shortest for block in blocks) else [blocks]
    fitted = [way for one in ways if (way := _fit(time, one, seconds, shortest))]
    return min(fitted, key=time.cost_of, default=None)


def _fit(time: PricedTime, blocks: Sequence[Block], seconds: int, shortest: int) -> tuple[Block, ...] | None:
    long = [block for block in _cut(time, blocks, seconds, shortest) if _length([block]) >= shortest]
    lengthened = _lengthened(time, long, seconds)
    if lengthened is None:
        return None
    slid = _slid(time, lengthened, shortest)
    bridged = _bridged(time, slid)
    return tuple(slid) if bridged == slid else _fit(time, bridged, seconds, shortest)


def _bridged(time: PricedTime, blocks: Sequence[Block]) -> list[Block]:
    """Return blocks without pauses that are too short; where the price is not known there has to be one."""
    bridged: list[Block] = []
    for start, end in blocks:
        if bridged and start - bridged[-1][1] < SHORTEST_BLOCK and time.covers((bridged[-1][0], end)):
            bridged[-1] = (bridged[-1][0], end)
        else:
            bridged.append((start, end))
    return bridged


def _stretched(time: PricedTime, blocks: Sequence[Block], shortest: int) -> list[Block]:
    """Return blocks that are at least so long, where there is room: each lengthened where that is cheapest."""
    longer = list(blocks)
    while edges := [edge for edge in _outer_edges(time, longer) if _length([longer[edge.index]]) < shortest]:
        edge = min(edges, key=lambda edge: edge.price)
        longer = _joined(_moved(longer, edge, min(edge.seconds, shortest - _length([longer[edge.index]]))))
    return longer


def _cut(time: PricedTime, blocks: Sequence[Block], seconds: int, shortest: int) -> list[Block]:
    """Cut where it is dearest, where it is the same everywhere at the end, and leave no block that is too short if that can be."""
    cut = list(blocks)
    while (excess := _length(cut) - seconds) > 0:
        for edge in sorted(_inner_edges(time, cut), key=lambda edge: (edge.price, edge.index, edge.is_end), reverse=True):
            length = _length([cut[edge.index]])
            taken = min(excess, edge.seconds)
            if 0 < length - taken < shortest:
                taken = length - shortest
            if taken > 0:
                cut = _moved(cut, edge, -taken)
                break
        else:
            return [block for block in cut if block != max(cut, key=time.mean_price)]
    return cut


def _lengthened(time: PricedTime, blocks: Sequence[Block], seconds: int) -> list[Block] | None:
    """Lengthen where it is cheapest; where it is the same everywhere, at the front. `None` where there is no room."""
    longer = list(blocks)
    while (missing := seconds - _length(longer)) > 0:
        edge = min(_outer_edges(time, longer), key=lambda edge: (edge.price, edge.index, edge.is_end), default=None)
        if edge is None:
            return None
        longer = _joined(_moved(longer, edge, min(missing, edge.seconds)))
    return longer


def _slid(time: PricedTime, blocks: Sequence[Block], shortest: int) -> list[Block]:
    """Take from the dearest edge and add to the cheapest as long as that saves something."""
    slid = list(blocks)
    for _ in range(4 * len(time.spans)):
        spare = [edge for edge in _inner_edges(time, slid) if _length([slid[edge.index]]) > shortest]
        dearest = max(spare, key=lambda edge: edge.price, default=None)
        if dearest is None:
            break
        others = [edge for edge in _outer_edges(time, slid) if (edge.index, edge.is_end) != (dearest.index, dearest.is_end)]
        cheapest = min(others, key=lambda edge: edge.price, default=None)
        if cheapest is None or cheapest.price >= dearest.price - _EQUAL:
            break
        seconds = min(cheapest.seconds, dearest.seconds, _length([slid[dearest.index]]) - shortest)
        slid = _joined(_moved(_moved(slid, dearest, -seconds), cheapest, seconds))
    return slid


@dataclass(frozen=True, slots=True)
class _Edge:
    """The front or the end of a block, and for how many seconds the price beside it holds, inside or outside."""

    index: int
    is_end: bool
    price: float
    seconds: int


def _inner_edges(time: PricedTime, blocks: Sequence[Block]) -> Iterator[_Edge]:
    for index, (start, end) in enumerate(blocks):
        if first := time.after(start):
            yield _Edge(index, False, first.price, min(first.end, end) - start)
        if last := time.before(end):
            yield _Edge(index, True, last.price, end - max(last.start, start))


def _outer_edges(time: PricedTime, blocks: Sequence[Block]) -> Iterator[_Edge]:
    for index, (start, end) in enumerate(blocks):
        if earlier := time.before(start):
            limit = max(earlier.start, blocks[index - 1][1]) if index else earlier.start
            yield _Edge(index, False, earlier.price, start - limit)
        if later := time.after(end):
            limit = min(later.end, blocks[index + 1][0]) if index + 1 < len(blocks) else later.end
            yield _Edge(index, True, later.price, limit - end)


def _moved(blocks: Sequence[Block], edge: _Edge, seconds: int) -> list[Block]:
    """Return blocks with one edge moved outwards by some seconds; a block of which nothing is left is gone."""
    moved = list(blocks)
    start, end = moved[edge.index]
    moved[edge.index] = (start, end + seconds) if edge.is_end else (start - seconds, end)
    return [block for block in moved if block[0] < block[1]]


def _length(blocks: Sequence[Block]) -> int:
    """Return how many seconds blocks have together."""
    return sum(end - start for start, end in blocks)


def _joined(blocks: Iterator[Block] | Sequence[Block]) -> list[Block]:
    """Return blocks with those made one that touch; they come in order."""
    joined: list[Block] = []
    for start, end in blocks:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
