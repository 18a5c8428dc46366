"""The methods that need the full gradient, by name: their arguments are options of SciPy's."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class FullGradientMethod:
    """A method of ``scipy.optimize.minimize``, with its options.

    ``gtol`` ends the training: no component of the gradient is larger. ``max_gradients`` is the
    largest number of gradients to compute; by default, only ``train.epochs`` limits them.
    """

    scipy_name: ClassVar[str]
    gtol: float = 1e-5
    max_gradients: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: an argument is out of its range.
        """
        _require(self.gtol >= 0, "gtol must be at least 0", self.gtol)
        limit = self.max_gradients
        # The first is that of the initial weights; a step needs one more.
        enough = limit is None or (isinstance(limit, int) and limit > 1)
        _require(enough, "max_gradients must be a whole number of at least 2", limit)

    @property
    def options(self) -> Mapping[str, Any]:
        """The options for SciPy."""
        return {name: value for name, value in asdict(self).items() if name != "max_gradients"}


@dataclass(frozen=True)
class ConjugateGradient(FullGradientMethod):
    """The nonlinear conjugate gradient method of Polak and Ribiere, with beta at least 0.

    A step length must satisfy the Wolfe conditions with ``c1`` and ``c2`` (Nocedal and Wright,
    "Numerical Optimization", 2006, sections 3.1 and 5.2).
    """

    scipy_name = "CG"
    c1: float = 1e-4
    c2: float = 0.4

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: an argument is out of its range.
        """
        super().__post_init__()
        ordered = 0 < self.c1 < self.c2 < 1
        _require(ordered, "c1 and c2 must satisfy 0 < c1 < c2 < 1", f"{self.c1:g}, {self.c2:g}")


@dataclass(frozen=True)
class LBFGS(FullGradientMethod):
    """L-BFGS-B without bounds (Zhu, Byrd, Lu and Nocedal, 1997), with the last ``maxcor`` steps.

    ``ftol`` ends the training: an iteration lowers the loss by a smaller share of it. ``maxls`` is
    the largest number of gradients in a line search.
    """

    scipy_name = "L-BFGS-B"
    maxcor: int = 10
    ftol: float = 1e7 * 2.0**-52  # SciPy's own
    maxls: int = 20

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: an argument is out of its range.
        """
        super().__post_init__()
        _require(_is_count(self.maxcor), "maxcor must be a whole number of at least 1", self.maxcor)
        _require(self.ftol >= 0, "ftol must be at least 0", self.ftol)
        _require(_is_count(self.maxls), "maxls must be a whole number of at least 1", self.maxls)

    @property
    def options(self) -> Mapping[str, Any]:
        """The options for SciPy, without its own limit of the number of gradients."""
        return {**super().options, "maxfun": 2**31 - 1}


METHODS: Mapping[str, type[FullGradientMethod]] = {
    "conjugate_gradient": ConjugateGradient,
    "l_bfgs": LBFGS,
}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value > 0


def _require(valid: bool, rule: str, value: object) -> None:
    if not valid:
        raise ValueError(f"{rule}; got {value}.")
