"""Documents: dicts, texts and paths."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Union

    Document = Union[str, bytes, os.PathLike[str], Mapping[str, Any]]

_ENDINGS = (".json", ".yaml", ".yml")


def document(source: Document) -> str | Mapping[str, Any]:
    """A document as Rust takes it: a text of JSON or YAML, or a dict.

    A path object is read; so is a text of one line that ends in .json, .yaml or .yml.
    """
    if isinstance(source, bytes):
        return source.decode("utf-8")
    if isinstance(source, str):
        path = "\n" not in source and "{" not in source and source.lower().endswith(_ENDINGS)
        if not path:
            return source
    if isinstance(source, (str, os.PathLike)):
        with open(source, encoding="utf-8-sig") as file:
            return file.read()
    return source
