"""`european`: one contract, or columns of options."""

from __future__ import annotations

from . import _products
from ._batch import europeans

__all__ = ["european"]


def european(**given):
    """欧式期权: with ``spot`` many options from columns (see :func:`europeans`), else one contract of
    the template ``european`` with the terms ``part``, ``strike`` and ``type``."""
    if "spot" in given:
        return europeans(**given)
    return _products.european(**given)
