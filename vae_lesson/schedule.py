"""How the learning rate changes from epoch to epoch. Used by 08_train."""

from math import cos, pi

SCHEDULES = ("constant", "one-cycle")
WARM_UP = 0.15  # the part of a one-cycle run in which its learning rate rises


def one_cycle(epoch: int, epochs: int) -> float:
    """An epoch's learning rate as a share of the highest one: up along a straight line, then down along a cosine.

    Args:
        epoch: 0 for the first; its rate is that of its middle, so none is 0.
        epochs: of the whole run.

    Source: Smith & Topin (2018), 'Super-Convergence', section 2; the cosine: Loshchilov & Hutter (2017), equation 5.
    """
    done = (epoch + 0.5) / epochs
    return done / WARM_UP if done < WARM_UP else (1 + cos(pi * (done - WARM_UP) / (1 - WARM_UP))) / 2
