"""What can go wrong: exceptions that carry everything that was found."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


class Finding:
    """One thing that is wrong or worth knowing: where, what, the rule and the cure."""

    __slots__ = ("code", "column", "en", "line", "pointer", "severity", "value", "zh")

    code: str
    """Stable code, like ``E-TERM-KI-LEVEL``."""
    severity: str
    """``error`` or ``notice``."""
    pointer: str
    """JSON pointer of the field; empty for the whole document."""
    line: int
    """Line of a text, from 1; 0 when there is none."""
    column: int
    """Column of a text, from 1; 0 when there is none."""
    value: str | None
    """The value seen, as written."""
    en: str
    """What is wrong, the rule and the cure, in English."""
    zh: str
    """The same in Simplified Chinese."""

    def __init__(self, finding: Mapping[str, Any]) -> None:
        self.code = finding["code"]
        self.severity = finding["severity"]
        self.pointer = finding["pointer"]
        self.line = finding["line"]
        self.column = finding["column"]
        self.value = finding["value"]
        self.en = finding["en"]
        self.zh = finding["zh"]

    def to_dict(self) -> dict[str, Any]:
        """The finding as a dict."""
        return {name: getattr(self, name) for name in sorted(self.__slots__)}

    def __str__(self) -> str:
        place = self.pointer or "/"
        if self.line:
            place += f" (line {self.line}, column {self.column})"
        return f"{self.code}  {place}: {self.en} {self.zh}"

    def __repr__(self) -> str:
        return f"Finding({str(self)!r})"


class RialtoError(ValueError):
    """Something is wrong with what was given. ``findings`` holds all of it."""

    findings: list[Finding]
    """Everything that was found, errors and notices."""

    def __init__(self, findings: Sequence[Mapping[str, Any]]) -> None:
        self.findings = [Finding(finding) for finding in findings]
        super().__init__("\n".join(str(finding) for finding in self.findings))
        self._given = [dict(finding) for finding in findings]

    @property
    def code(self) -> str:
        """Code of the first error."""
        for finding in self.findings:
            if finding.severity == "error":
                return finding.code
        return "E-INTERNAL"

    def __reduce__(self) -> tuple[type[RialtoError], tuple[list[dict[str, Any]]]]:
        return (type(self), (self._given,))


class TermSheetError(RialtoError):
    """A term sheet is wrong."""


class MarketError(RialtoError):
    """A market is wrong, or does not fit the contract."""


class PricingError(RialtoError):
    """An engine refuses, does not exist, or a number went wrong."""


class SolveError(RialtoError):
    """An unknown cannot be found."""


class ObservationError(RialtoError):
    """Fixings are wrong or missing."""


class InputError(RialtoError):
    """An argument is wrong: an option, a column, a measure."""


class StateAssumedWarning(UserWarning):
    """A contract in mid-life was taken to be as it began, because nobody told its state."""
