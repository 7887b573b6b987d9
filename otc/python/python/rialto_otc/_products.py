"""Constructors of all products. Written by tools/products.py; do not edit."""

from __future__ import annotations

from ._build import contract, levels, merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._build import Envelope
    from ._contract import Contract

__all__ = [
    "accumulator",
    "airbag",
    "american",
    "asian",
    "barrier",
    "basket",
    "best_of",
    "binary_concave",
    "binary_convex",
    "combo",
    "decumulator",
    "digital",
    "double_no_touch",
    "double_sharkfin",
    "double_touch",
    "enhanced_asian",
    "enhanced_index",
    "european",
    "exchange",
    "forward",
    "no_touch",
    "one_touch",
    "phoenix",
    "range_accrual",
    "sharkfin",
    "snowball",
    "spread",
    "trs",
    "worst_of",
]


def _lock(freq: object, lock: object, envelope: Envelope) -> object:
    """Monthly after three months, unless told otherwise; every time of a numeric contract."""
    if freq is None and lock is None:
        return "daily" if "times" in envelope else None
    return {"freq": freq or "1m", "lock": lock or "3m"}


def _freq(freq: object, envelope: Envelope) -> object:
    if freq is None:
        return "daily" if "times" in envelope else None
    return {"freq": freq}


def forward(
    *,
    strike: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """远期 (template ``forward``).

    :param strike: term ``strike``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "strike": strike,
    }
    return contract("forward", terms, envelope)


def european(
    *,
    part: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """欧式期权 (template ``european``).

    :param part: term ``part``
    :param strike: term ``strike``
    :param type: term ``type``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "part": part,
        "strike": strike,
        "type": type,
    }
    return contract("european", terms, envelope)


def american(
    *,
    exercise_dates: object = None,
    part: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """美式期权 (template ``american``).

    :param exercise_dates: term ``exercise_dates``
    :param part: term ``part``
    :param strike: term ``strike``
    :param type: term ``type``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "exercise_dates": exercise_dates,
        "part": part,
        "strike": strike,
        "type": type,
    }
    return contract("american", terms, envelope)


def combo(
    *,
    form: object = None,
    legs: object = None,
    part: object = None,
    strikes: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """期权组合 (template ``combo``).

    :param form: term ``form``
    :param legs: term ``legs``
    :param part: term ``part``
    :param strikes: term ``strikes``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "form": form,
        "legs": legs,
        "part": part,
        "strikes": strikes,
    }
    return contract("combo", terms, envelope)


def trs(
    *,
    basket_changes: object = None,
    dividend_pass: object = None,
    dividends: object = None,
    financing: object = None,
    margin: object = None,
    reset: object = None,
    return_: object = None,
    units: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """收益互换 (template ``trs``).

    :param basket_changes: term ``basket_changes``
    :param dividend_pass: term ``dividend_pass``
    :param dividends: term ``dividends``
    :param financing: term ``financing`` with ``base``, ``rate``, ``spread``, ``yf``
    :param margin: term ``margin`` with ``initial``, ``maintenance``
    :param reset: term ``reset``
    :param return_: term ``return``
    :param units: term ``units``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "basket_changes": basket_changes,
        "dividend_pass": dividend_pass,
        "dividends": dividends,
        "financing": financing,
        "margin": margin,
        "reset": reset,
        "return": return_,
        "units": units,
    }
    return contract("trs", terms, envelope)


def digital(
    *,
    cash: object = None,
    payout: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """二元期权 (template ``digital``).

    :param cash: term ``cash``
    :param payout: term ``payout``
    :param strike: term ``strike``
    :param type: term ``type``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "cash": cash,
        "payout": payout,
        "strike": strike,
        "type": type,
    }
    return contract("digital", terms, envelope)


def one_touch(
    *,
    barrier: object = None,
    cash: object = None,
    monitoring: object = None,
    pay_at: object = None,
    side: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """触碰 (template ``one_touch``).

    :param barrier: term ``barrier``
    :param cash: term ``cash``
    :param monitoring: term ``monitoring``
    :param pay_at: term ``pay_at``
    :param side: term ``side``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "barrier": barrier,
        "cash": cash,
        "monitoring": monitoring,
        "pay_at": pay_at,
        "side": side,
    }
    return contract("one_touch", terms, envelope)


def no_touch(
    *,
    barrier: object = None,
    cash: object = None,
    monitoring: object = None,
    side: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """不触碰 (template ``no_touch``).

    :param barrier: term ``barrier``
    :param cash: term ``cash``
    :param monitoring: term ``monitoring``
    :param side: term ``side``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "barrier": barrier,
        "cash": cash,
        "monitoring": monitoring,
        "side": side,
    }
    return contract("no_touch", terms, envelope)


def double_touch(
    *,
    cash: object = None,
    lower: object = None,
    monitoring: object = None,
    pay_at: object = None,
    upper: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """双触碰 (template ``double_touch``).

    :param cash: term ``cash``
    :param lower: term ``lower``
    :param monitoring: term ``monitoring``
    :param pay_at: term ``pay_at``
    :param upper: term ``upper``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "cash": cash,
        "lower": lower,
        "monitoring": monitoring,
        "pay_at": pay_at,
        "upper": upper,
    }
    return contract("double_touch", terms, envelope)


def double_no_touch(
    *,
    cash: object = None,
    lower: object = None,
    monitoring: object = None,
    upper: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """双不触碰 (template ``double_no_touch``).

    :param cash: term ``cash``
    :param lower: term ``lower``
    :param monitoring: term ``monitoring``
    :param upper: term ``upper``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "cash": cash,
        "lower": lower,
        "monitoring": monitoring,
        "upper": upper,
    }
    return contract("double_no_touch", terms, envelope)


def binary_convex(
    *,
    cash: object = None,
    edges: object = None,
    lower: object = None,
    otherwise: object = None,
    upper: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """凸式二元 (template ``binary_convex``).

    :param cash: term ``cash``
    :param edges: term ``edges``
    :param lower: term ``lower``
    :param otherwise: term ``otherwise``
    :param upper: term ``upper``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "cash": cash,
        "edges": edges,
        "lower": lower,
        "otherwise": otherwise,
        "upper": upper,
    }
    return contract("binary_convex", terms, envelope)


def binary_concave(
    *,
    cash: object = None,
    edges: object = None,
    lower: object = None,
    otherwise: object = None,
    upper: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """凹式二元 (template ``binary_concave``).

    :param cash: term ``cash``
    :param edges: term ``edges``
    :param lower: term ``lower``
    :param otherwise: term ``otherwise``
    :param upper: term ``upper``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "cash": cash,
        "edges": edges,
        "lower": lower,
        "otherwise": otherwise,
        "upper": upper,
    }
    return contract("binary_concave", terms, envelope)


def asian(
    *,
    mean: object = None,
    part: object = None,
    schedule: object = None,
    strike: object = None,
    strike_type: object = None,
    type: object = None,
    weights: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """亚式期权 (template ``asian``).

    :param mean: term ``mean``
    :param part: term ``part``
    :param schedule: term ``schedule``
    :param strike: term ``strike``
    :param strike_type: term ``strike_type``
    :param type: term ``type``
    :param weights: term ``weights`` with ``first``, ``last``, ``step``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "mean": mean,
        "part": part,
        "schedule": schedule,
        "strike": strike,
        "strike_type": strike_type,
        "type": type,
        "weights": weights,
    }
    return contract("asian", terms, envelope)


def enhanced_asian(
    *,
    level: object = None,
    part: object = None,
    schedule: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """增强亚式 (template ``enhanced_asian``).

    :param level: term ``level``
    :param part: term ``part``
    :param schedule: term ``schedule``
    :param strike: term ``strike``
    :param type: term ``type``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "level": level,
        "part": part,
        "schedule": schedule,
        "strike": strike,
        "type": type,
    }
    return contract("enhanced_asian", terms, envelope)


def exchange(
    *,
    measure: object = None,
    part: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """交换期权 (template ``exchange``).

    :param measure: term ``measure``
    :param part: term ``part``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "measure": measure,
        "part": part,
    }
    return contract("exchange", terms, envelope)


def spread(
    *,
    measure: object = None,
    part: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """价差期权 (template ``spread``).

    :param measure: term ``measure``
    :param part: term ``part``
    :param strike: term ``strike``
    :param type: term ``type``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "measure": measure,
        "part": part,
        "strike": strike,
        "type": type,
    }
    return contract("spread", terms, envelope)


def basket(
    *,
    measure: object = None,
    part: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """篮子期权 (template ``basket``).

    :param measure: term ``measure``
    :param part: term ``part``
    :param strike: term ``strike``
    :param type: term ``type``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "measure": measure,
        "part": part,
        "strike": strike,
        "type": type,
    }
    return contract("basket", terms, envelope)


def worst_of(
    *,
    measure: object = None,
    part: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """最差表现期权 (template ``worst_of``).

    :param measure: term ``measure``
    :param part: term ``part``
    :param strike: term ``strike``
    :param type: term ``type``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "measure": measure,
        "part": part,
        "strike": strike,
        "type": type,
    }
    return contract("worst_of", terms, envelope)


def best_of(
    *,
    measure: object = None,
    part: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """最优表现期权 (template ``best_of``).

    :param measure: term ``measure``
    :param part: term ``part``
    :param strike: term ``strike``
    :param type: term ``type``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "measure": measure,
        "part": part,
        "strike": strike,
        "type": type,
    }
    return contract("best_of", terms, envelope)


def enhanced_index(
    *,
    enhancement: object = None,
    principal: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """指数增强 (template ``enhanced_index``).

    :param enhancement: term ``enhancement``
    :param principal: term ``principal``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "enhancement": enhancement,
        "principal": principal,
    }
    return contract("enhanced_index", terms, envelope)


def barrier(
    *,
    barrier: object = None,
    knock: object = None,
    monitoring: object = None,
    part: object = None,
    rebate: object = None,
    rebate_at: object = None,
    side: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """障碍期权 (template ``barrier``).

    :param barrier: term ``barrier``
    :param knock: term ``knock``
    :param monitoring: term ``monitoring``
    :param part: term ``part``
    :param rebate: term ``rebate``
    :param rebate_at: term ``rebate_at``
    :param side: term ``side``
    :param strike: term ``strike``
    :param type: term ``type``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "barrier": barrier,
        "knock": knock,
        "monitoring": monitoring,
        "part": part,
        "rebate": rebate,
        "rebate_at": rebate_at,
        "side": side,
        "strike": strike,
        "type": type,
    }
    return contract("barrier", terms, envelope)


def sharkfin(
    *,
    barrier: object = None,
    floor: object = None,
    floor_basis: object = None,
    form: object = None,
    monitoring: object = None,
    part: object = None,
    principal: object = None,
    rebate: object = None,
    rebate_at: object = None,
    rebate_basis: object = None,
    strike: object = None,
    type: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """鲨鱼鳍 (template ``sharkfin``).

    :param barrier: term ``barrier``
    :param floor: term ``floor``
    :param floor_basis: term ``floor_basis``
    :param form: term ``form``
    :param monitoring: term ``monitoring``
    :param part: term ``part``
    :param principal: term ``principal``
    :param rebate: term ``rebate``
    :param rebate_at: term ``rebate_at``
    :param rebate_basis: term ``rebate_basis``
    :param strike: term ``strike``
    :param type: term ``type``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "barrier": barrier,
        "floor": floor,
        "floor_basis": floor_basis,
        "form": form,
        "monitoring": monitoring,
        "part": part,
        "principal": principal,
        "rebate": rebate,
        "rebate_at": rebate_at,
        "rebate_basis": rebate_basis,
        "strike": strike,
        "type": type,
    }
    return contract("sharkfin", terms, envelope)


def double_sharkfin(
    *,
    call: object = None,
    lower: object = None,
    monitoring: object = None,
    put: object = None,
    rebate_at: object = None,
    rebate_down: object = None,
    rebate_up: object = None,
    upper: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """双鲨 (template ``double_sharkfin``).

    :param call: term ``call`` with ``part``, ``strike``
    :param lower: term ``lower``
    :param monitoring: term ``monitoring``
    :param put: term ``put`` with ``part``, ``strike``
    :param rebate_at: term ``rebate_at``
    :param rebate_down: term ``rebate_down``
    :param rebate_up: term ``rebate_up``
    :param upper: term ``upper``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "call": call,
        "lower": lower,
        "monitoring": monitoring,
        "put": put,
        "rebate_at": rebate_at,
        "rebate_down": rebate_down,
        "rebate_up": rebate_up,
        "upper": upper,
    }
    return contract("double_sharkfin", terms, envelope)


def airbag(
    *,
    barrier: object = None,
    cap: object = None,
    cap_ki: object = None,
    floor: object = None,
    floor_ki: object = None,
    monitoring: object = None,
    part: object = None,
    part_down: object = None,
    part_up: object = None,
    strike: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """安全气囊 (template ``airbag``).

    :param barrier: term ``barrier``
    :param cap: term ``cap``
    :param cap_ki: term ``cap_ki``
    :param floor: term ``floor``
    :param floor_ki: term ``floor_ki``
    :param monitoring: term ``monitoring``
    :param part: term ``part``
    :param part_down: term ``part_down``
    :param part_up: term ``part_up``
    :param strike: term ``strike``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "barrier": barrier,
        "cap": cap,
        "cap_ki": cap_ki,
        "floor": floor,
        "floor_ki": floor_ki,
        "monitoring": monitoring,
        "part": part,
        "part_down": part_down,
        "part_up": part_up,
        "strike": strike,
    }
    return contract("airbag", terms, envelope)


def range_accrual(
    *,
    basis: object = None,
    edges: object = None,
    lower: object = None,
    principal: object = None,
    rate: object = None,
    schedule: object = None,
    upper: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """区间累计 (template ``range_accrual``).

    :param basis: term ``basis``
    :param edges: term ``edges``
    :param lower: term ``lower``
    :param principal: term ``principal`` with ``included``, ``margin``, ``no_recourse``
    :param rate: term ``rate``
    :param schedule: term ``schedule``
    :param upper: term ``upper``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "basis": basis,
        "edges": edges,
        "lower": lower,
        "principal": principal,
        "rate": rate,
        "schedule": schedule,
        "upper": upper,
    }
    return contract("range_accrual", terms, envelope)


def accumulator(
    *,
    accumulate_on_ko_day: object = None,
    barrier: object = None,
    ko: object = None,
    last_day: object = None,
    leverage: object = None,
    rebate: object = None,
    schedule: object = None,
    settle_on_ko: object = None,
    settlement: object = None,
    strike: object = None,
    zones: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """累购 (template ``accumulator``).

    :param accumulate_on_ko_day: term ``accumulate_on_ko_day``
    :param barrier: term ``barrier``
    :param ko: term ``ko``
    :param last_day: term ``last_day`` with ``extra``, ``factor``, ``if``
    :param leverage: term ``leverage``
    :param rebate: term ``rebate``
    :param schedule: term ``schedule``
    :param settle_on_ko: term ``settle_on_ko``
    :param settlement: term ``settlement``
    :param strike: term ``strike``
    :param zones: term ``zones``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "accumulate_on_ko_day": accumulate_on_ko_day,
        "barrier": barrier,
        "ko": ko,
        "last_day": last_day,
        "leverage": leverage,
        "rebate": rebate,
        "schedule": schedule,
        "settle_on_ko": settle_on_ko,
        "settlement": settlement,
        "strike": strike,
        "zones": zones,
    }
    return contract("accumulator", terms, envelope)


def decumulator(
    *,
    accumulate_on_ko_day: object = None,
    barrier: object = None,
    ko: object = None,
    last_day: object = None,
    leverage: object = None,
    rebate: object = None,
    schedule: object = None,
    settle_on_ko: object = None,
    settlement: object = None,
    strike: object = None,
    zones: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """累沽 (template ``decumulator``).

    :param accumulate_on_ko_day: term ``accumulate_on_ko_day``
    :param barrier: term ``barrier``
    :param ko: term ``ko``
    :param last_day: term ``last_day``
    :param leverage: term ``leverage``
    :param rebate: term ``rebate``
    :param schedule: term ``schedule``
    :param settle_on_ko: term ``settle_on_ko``
    :param settlement: term ``settlement``
    :param strike: term ``strike``
    :param zones: term ``zones``
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "accumulate_on_ko_day": accumulate_on_ko_day,
        "barrier": barrier,
        "ko": ko,
        "last_day": last_day,
        "leverage": leverage,
        "rebate": rebate,
        "schedule": schedule,
        "settle_on_ko": settle_on_ko,
        "settlement": settlement,
        "strike": strike,
        "zones": zones,
    }
    return contract("decumulator", terms, envelope)


def snowball(
    *,
    bonus: object = None,
    coupon: object = None,
    ki: object = None,
    ko: object = None,
    loss: object = None,
    principal: object = None,
    side: object = None,
    ko_step: object = None,
    ko_last: object = None,
    ko_freq: object = None,
    lock: object = None,
    ki_schedule: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """雪球 (template ``snowball``).

    :param bonus: term ``bonus``
    :param coupon: term ``coupon`` with ``basis``, ``rate``, ``tiers``
    :param ki: term ``ki`` with ``compare``, ``count``, ``level``, ``schedule``
    :param ko: term ``ko`` with ``call``, ``compare``, ``levels``, ``participation``, ``schedule``
    :param loss: term ``loss`` with ``base``, ``k_cap``, ``k_hi``, ``k_lo``, ``k_str``, ``part``
    :param principal: term ``principal`` with ``included``, ``margin``, ``no_recourse``
    :param side: term ``side``
    :param ko_step: step of a falling ``ko``
    :param ko_last: level of the last date
    :param ko_freq: how often knock-out is looked at (``1m``)
    :param lock: from when on (``3m``)
    :param ki_schedule: when knock-in is looked at (``daily``)
    :param preset: standard, stepdown, booster, butterfly, both_down, parachute, limited_loss, otm, european_ki, plus, trigger, small, paris, bear, margin
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "bonus": bonus,
        "coupon": merged(coupon, "rate", ("basis", "rate", "tiers")),
        "ki": merged(ki, "level", ("compare", "count", "level", "schedule"), schedule=ki_schedule),
        "ko": merged(levels(ko, ko_step, ko_last), "levels", ("call", "compare", "levels", "participation", "schedule"), schedule=_lock(ko_freq, lock, envelope)),
        "loss": loss,
        "principal": principal,
        "side": side,
    }
    return contract("snowball", terms, envelope)


def phoenix(
    *,
    coupon: object = None,
    ki: object = None,
    ko: object = None,
    loss: object = None,
    principal: object = None,
    ko_step: object = None,
    ko_last: object = None,
    ko_from: object = None,
    ki_schedule: object = None,
    coupon_level: object = None,
    coupon_basis: object = None,
    coupon_freq: object = None,
    memory: object = None,
    **envelope: Unpack[Envelope],
) -> Contract:
    """凤凰 (template ``phoenix``).

    :param coupon: term ``coupon`` with ``basis``, ``compare``, ``guaranteed``, ``level``, ``memory``, ``rate``, ``schedule``
    :param ki: term ``ki`` with ``compare``, ``count``, ``level``, ``schedule``
    :param ko: term ``ko`` with ``compare``, ``from``, ``levels``, ``schedule``
    :param loss: term ``loss``
    :param principal: term ``principal``
    :param ko_step: step of a falling ``ko``
    :param ko_last: level of the last date
    :param ko_from: first coupon date with knock-out
    :param ki_schedule: when knock-in is looked at (``daily``)
    :param coupon_level: level from which the coupon is paid
    :param coupon_basis: ``per_period`` or ``annual``
    :param coupon_freq: how often (``1m``)
    :param memory: whether missed coupons are paid later
    :param preset: dcn, fcn
    :raises TermSheetError: with everything that is wrong
    """
    terms: dict[str, object] = {
        "coupon": merged(coupon, "rate", ("basis", "compare", "guaranteed", "level", "memory", "rate", "schedule"), level=coupon_level, basis=coupon_basis, memory=memory, schedule=_freq(coupon_freq, envelope)),
        "ki": merged(ki, "level", ("compare", "count", "level", "schedule"), schedule=ki_schedule),
        "ko": merged(levels(ko, ko_step, ko_last), "levels", ("compare", "from", "levels", "schedule"), **{"from": ko_from}),
        "loss": loss,
        "principal": principal,
    }
    return contract("phoenix", terms, envelope)
