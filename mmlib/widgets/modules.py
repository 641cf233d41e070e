"""One ES module of several: a Jupyter front end takes a widget's code as one text, and nobody reads one long file."""

from __future__ import annotations

import re
from pathlib import Path

FRONT = Path(__file__).parent / "front"
"""Where the browser's half of the widgets lies: modules (.js) and style sheets (.css)."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def join_modules(main: str) -> str:
    """Join a module and all that it imports into one module.

    Every file of the front is a real ES module with named imports from its neighbours; joined, each comes once, after
    what it needs, without its import lines and export words. So names at the top of a module must be unique.

    Args:
        main: the module that has the default export, without ``.js``.

    Returns:
        The text of one ES module.
    """
    order: list[str] = []
    texts: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in texts:
            return
        texts[name] = (FRONT / f"{name}.js").read_text(encoding="utf-8")
        for needed in _IMPORT.findall(texts[name]):
            visit(needed)
        order.append(name)

    visit(main)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", texts[name])) for name in order)


def join_styles(*names: str) -> str:
    """Join style sheets into one.

    Args:
        *names: their names, without ``.css``, in order.

    Returns:
        The text of one style sheet.
    """
    return "\n".join((FRONT / f"{name}.css").read_text(encoding="utf-8") for name in names)
