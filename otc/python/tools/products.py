"""Writes rialto_otc/_products.py: one constructor for each product of the catalogue.

The catalogue is the one compiled into the extension module, the terms are those of the published JSON
Schema. Run it with an interpreter that has the wheel; `--check` only compares.
"""

import importlib
import importlib.util
import json
import keyword
import sys
import types
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "python/rialto_otc/_products.py"

HEAD = '''"""Constructors of all products. Written by tools/products.py; do not edit."""

from __future__ import annotations

from ._build import contract, levels, merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._build import Envelope
    from ._contract import Contract

__all__ = [
{names}
]
'''

# Keywords beside the terms themselves, and the terms they make: the short forms of the products that
# are written most.
SHORT = {
    "snowball": (
        {
            "ko_step": "step of a falling ``ko``",
            "ko_last": "level of the last date",
            "ko_freq": "how often knock-out is looked at (``1m``)",
            "lock": "from when on (``3m``)",
            "ki_schedule": "when knock-in is looked at (``daily``)",
        },
        {
            "ko": 'merged(levels(ko, ko_step, ko_last), "levels", {names}, schedule=_lock(ko_freq, lock, envelope))',
            "ki": 'merged(ki, "level", {names}, schedule=ki_schedule)',
            "coupon": 'merged(coupon, "rate", {names})',
        },
    ),
    "phoenix": (
        {
            "ko_step": "step of a falling ``ko``",
            "ko_last": "level of the last date",
            "ko_from": "first coupon date with knock-out",
            "ki_schedule": "when knock-in is looked at (``daily``)",
            "coupon_level": "level from which the coupon is paid",
            "coupon_basis": "``per_period`` or ``annual``",
            "coupon_freq": "how often (``1m``)",
            "memory": "whether missed coupons are paid later",
        },
        {
            "ko": 'merged(levels(ko, ko_step, ko_last), "levels", {names}, **{{"from": ko_from}})',
            "ki": 'merged(ki, "level", {names}, schedule=ki_schedule)',
            "coupon": 'merged(coupon, "rate", {names}, level=coupon_level, basis=coupon_basis, '
            "memory=memory, schedule=_freq(coupon_freq, envelope))",
        },
    ),
}

LEVELS = '''

def _lock(freq: object, lock: object, envelope: Envelope) -> object:
    """Monthly after three months, unless told otherwise; every time of a numeric contract."""
    if freq is None and lock is None:
        return "daily" if "times" in envelope else None
    return {"freq": freq or "1m", "lock": lock or "3m"}


def _freq(freq: object, envelope: Envelope) -> object:
    if freq is None:
        return "daily" if "times" in envelope else None
    return {"freq": freq}
'''


def extension() -> types.ModuleType:
    """The extension module without the package around it, which may not import yet."""
    spec = importlib.util.find_spec("rialto_otc")
    if spec is None or spec.submodule_search_locations is None:
        sys.exit("the wheel rialto-otc is not installed in this interpreter")
    package = types.ModuleType("rialto_otc")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["rialto_otc"] = package
    return importlib.import_module("rialto_otc._rialto_otc")


def inner(schema: object) -> str:
    """Names inside a term, when it is an object."""
    if not isinstance(schema, dict) or "properties" not in schema:
        return ""
    return " with ``" + "``, ``".join(schema["properties"]) + "``"


def function(name: str, zh: str, presets: list[str], terms: dict[str, object]) -> str:
    short, made = SHORT.get(name, ({}, {}))
    python = {term: term + "_" if keyword.iskeyword(term) else term for term in terms}

    def value(term: str) -> str:
        if term not in made:
            return python[term]
        names = sorted(terms[term]["properties"])
        return made[term].format(names="(" + ", ".join(f'"{name}"' for name in names) + ")")

    args = [*python.values(), *short]
    lines = ["", "", f"def {name}(", "    *,"]
    lines += [f"    {arg}: object = None," for arg in args]
    lines += ["    **envelope: Unpack[Envelope],", ") -> Contract:"]
    lines.append(f'    """{zh} (template ``{name}``).')
    lines.append("")
    lines += [f"    :param {python[term]}: term ``{term}``{inner(terms[term])}" for term in terms]
    lines += [f"    :param {arg}: {what}" for arg, what in short.items()]
    if presets:
        lines.append(f"    :param preset: {', '.join(presets)}")
    lines += ["    :raises TermSheetError: with everything that is wrong", '    """']
    lines += ["    terms: dict[str, object] = {"]
    lines += [f'        "{term}": {value(term)},' for term in terms]
    lines += ["    }", f'    return contract("{name}", terms, envelope)']
    return "\n".join(lines)


def written() -> str:
    """The file as it should be."""
    module = extension()
    schema = json.loads(module.schema())["$defs"]["terms"]
    products = module.products()
    names = "\n".join(f'    "{name}",' for name in sorted(name for name, _, _ in products))
    functions = [
        function(name, zh, presets, schema[name]["properties"]) for name, zh, presets in products
    ]
    return HEAD.format(names=names) + LEVELS + "\n".join(functions).rstrip() + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        if TARGET.read_text(encoding="utf-8") != written():
            sys.exit(f"{TARGET} is not what the catalogue says; run {Path(__file__).name}")
    else:
        TARGET.write_text(written(), encoding="utf-8")
