"""When training is done, and when it must stop: what is minimised no longer falls, or it rises."""

import math

_RISE = 0.05
_PERIOD = 2  # half-sweeps that make a sweep
_NOTHING = 0.01  # of the first objective: what lies below is the noise of rounding


def is_done(objectives: list[float], sweeps: int, tolerance: float) -> bool:
    """Whether so many sweeps were made, or the last one lessened the objective too little.

    Args:
        objectives: What is minimised, before each half-sweep so far.
        sweeps: At most so many.
        tolerance: The least part by which a sweep must change the objective.
    """
    made = len(objectives) // _PERIOD
    if made >= sweeps:
        return True
    if made < 3:  # the first sweeps, from random rows, may stand still before they fall
        return False
    now, before = objectives[-1], objectives[-1 - _PERIOD]
    if now < _NOTHING * abs(objectives[0]) and now >= before:
        return True
    return abs(before - now) < tolerance * abs(before)


def why_stop(objectives: list[float]) -> str | None:
    """Return the reason to stop that the last objective gives, or None.

    Each row's solution lessens the objective, but rounding may raise it a little: it is compared
    with the one a sweep before, and may rise by a twentieth. The first sweep, from random rows, is
    not judged, nor is what is near zero: the matrix that is read is rounded to eight bits, and an
    objective is a difference of sums.

    Args:
        objectives: What is minimised, before each half-sweep so far.
    """
    now, n = objectives[-1], len(objectives) - 1
    if not math.isfinite(now):
        return f"the loss ({now:.6g}) is not finite; raise the regularisation or x_max"
    before = objectives[n - _PERIOD] if n >= 2 * _PERIOD else math.inf
    if now - before > _RISE * abs(before) and now > _NOTHING * abs(objectives[0]):
        return f"the loss rose from {before:.6g} to {now:.6g}; raise the regularisation or x_max"
    return None
