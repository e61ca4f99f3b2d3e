"""Reads HTML as a test wants it: is it well formed, what does it hold, does it ask for anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
#: Elements of SVG that the pages write closed at once.
_DRAWN = {"line", "rect", "circle", "path"}


@dataclass
class Element:
    """An element: its name, attributes, and all text inside."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: tuple[str, ...] = ()


@dataclass
class Page(HTMLParser):
    """A parsed document."""

    elements: list[Element] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = self._add(tag, attrs)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._add(tag, attrs)
        if tag not in _VOID | _DRAWN:
            self.faults.append(f"<{tag}/> is not closed")

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> Element:
        names = [name for name, _ in attrs]
        if len(names) != len({*names}):
            self.faults.append(f"<{tag}> has an attribute twice: {names}")
        element = Element(tag, {name: value or "" for name, value in attrs}, "", tuple(each.tag for each in self._open))
        self.elements.append(element)
        return element

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            self.faults.append(f"</{tag}> closes {[each.tag for each in self._open][-2:]}")
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, holds: Callable[[Element], bool] = lambda _: True) -> list[Element]:
        return [element for element in self.elements if element.tag == tag and holds(element)]

    @property
    def shape(self) -> list[str]:
        return [element.tag for element in self.elements]


def read(text: str) -> Page:
    """Parse a document, which must be well formed."""
    page = Page()
    page.feed(text)
    page.close()
    assert page.faults == []
    assert [each.tag for each in page._open] == []
    return page


def check(text: str) -> Page:
    """A document that is well formed, asks for nothing, and says what its tables and drawings are."""
    page = read(text)
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert len(ids) == len({*ids})
    for element in page.elements:
        assert element.attributes.get("src", "data:").startswith("data:")
        assert element.attributes.get("href", "#").startswith(("#", "data:")), element
        assert not any(name.startswith("on") for name in element.attributes), element
    for url in re.findall(r"url\(([^)]*)\)", text):
        assert url.removeprefix("#") in ids
    for element in page.all("a"):
        assert element.attributes["href"].removeprefix("#") in ids
    assert len(page.all("caption", lambda each: bool(each.text.strip()))) == len(page.all("table"))
    assert all(each.attributes.get("scope") in ("row", "col") for each in page.all("th"))
    for drawing in page.all("svg"):
        is_named = drawing.attributes.get("role") == "img" and drawing.attributes.get("aria-label")
        assert is_named or drawing.attributes.get("aria-hidden") == "true"
    assert all("label" in each.inside for kind in ("input", "select") for each in page.all(kind))
    return page
