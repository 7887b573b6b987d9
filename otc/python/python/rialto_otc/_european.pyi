from typing import overload

from typing_extensions import Unpack

from ._build import Envelope
from ._contract import Contract
from ._rialto_otc import Table

__all__ = ["european"]

@overload
def european(
    *,
    spot: object,
    strike: object,
    t: object,
    r: object,
    vol: object,
    q: object = 0.0,
    w: object = 1.0,
    threads: int | None = None,
) -> Table: ...
@overload
def european(
    *,
    part: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract: ...
