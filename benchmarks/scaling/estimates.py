"""A model of a step with any number of workers; docs/performance.md has its formula."""

from collections.abc import Sequence
from dataclasses import dataclass

_BITS = 8e-9  # seconds per byte at 1 Gbit/s


@dataclass(frozen=True)
class SumCosts:
    """The seconds that a sum over workers costs their processors."""

    once: float  # for a sum of any size
    hop: float  # for each of the messages that must wait for the one before
    per_byte: float  # sent, and received

    @classmethod
    def fitted(
        cls, size: int, seconds: float, smallest: float, *, cpu_of_two: float, cpu_of_four: float
    ) -> "SumCosts":
        """Fit to the seconds of sums over two workers: of ``size`` bytes, and of very few.

        Two workers wait for 2 messages one after another, and four for 6. How much more processor
        time the smallest sum takes with four says which part of its seconds messages take.
        """
        of_hops = (cpu_of_four - cpu_of_two) / (hops(4) - hops(2)) * hops(2) / cpu_of_two
        share = min(1.0, max(0.0, of_hops))
        per_byte = (seconds - smallest) / sent(2, size)
        return cls((1 - share) * smallest, share * smallest / hops(2), per_byte)


@dataclass(frozen=True)
class StepCosts:
    """The seconds that the steps of a network cost one core, and what is summed in each."""

    once: float  # for the gradient of any number of images
    per_image: float
    update: float
    size: int  # bytes that are summed
    sums: SumCosts

    @classmethod
    def fitted(
        cls, gradients: Sequence[tuple[int, float]], update: float, size: int, sums: SumCosts
    ) -> "StepCosts":
        """Fit to the seconds of gradients of two numbers of images."""
        (few, fast), (many, slow) = gradients
        per_image = (slow - fast) / (many - few)
        return cls(fast - few * per_image, per_image, update, size, sums)

    def seconds(
        self, workers: int, batch_size: int, *, gbit: float | None = None, delay: float = 0.0
    ) -> float:
        """Return the seconds of a step; nothing is computed while the gradient is sent.

        Without ``gbit``, sending takes only the time of the processors, as on loopback; ``delay``
        is that of the network, in seconds per message.
        """
        images = -(-batch_size // workers)
        computing = self.once + images * self.per_image + self.update
        if workers == 1:
            return computing
        waiting = self.sums.once + hops(workers) * (self.sums.hop + delay)
        per_byte = self.sums.per_byte + (_BITS / gbit if gbit else 0)
        return computing + waiting + sent(workers, self.size) * per_byte

    def speedup(
        self, workers: int, batch_size: int, of_one: int, *, gbit: float, delay: float
    ) -> float:
        """Return how many times the images per second of one worker with batches of ``of_one``."""
        speed = batch_size / self.seconds(workers, batch_size, gbit=gbit, delay=delay)
        return speed * self.seconds(1, of_one) / of_one


def hops(workers: int) -> int:
    """Return the messages that wait for one another when a ring sums, and distributes the sum."""
    return 2 * (workers - 1)


def sent(workers: int, size: int) -> float:
    """Return the bytes that each worker sends for a sum of ``size`` bytes in a ring."""
    return hops(workers) / workers * size
