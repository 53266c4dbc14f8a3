"""The words of every pictured page, which say whether its picture is still true."""

import json
import re
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

from playwright.async_api import Page

FILE = Path(__file__).with_name("words.json")

# Each piece of text by itself, hidden ones too: the same on a telephone and at a desk.
READ = """() => {
  const page = document.body.cloneNode(true);
  for (const part of page.querySelectorAll('footer, script, option, .govuk-skip-link')) part.remove();
  const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) found.push(walker.currentNode.data.replace(/\\s+/g, ' ').trim());
  return found.filter(Boolean);
}"""

# What differs from one run to the next, or from one year to the next, and no instruction depends on.
MASKS = (
    (r"\S+@\S+", "@"),
    (r"\bS(-[0-9A-F]{4}){3}\b", "S-0"),
    (r"\b(lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)\b", "(jour)"),
    (r"\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b", "(day)"),
    (
        r"\b(janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|January|February"
        r"|March|April|May|June|July|August|September|October|November|December)\b",
        "(month)",
    ),
    (r"\b(HNE|HAE|EST|EDT)\b", "(zone)"),
    (r"\d+(er\b)?", "0"),
)

Words = dict[str, list[str]]


def masked(text: str) -> str:
    for pattern, mark in MASKS:
        text = re.sub(pattern, mark, text)
    return text


async def words_of(page: Page) -> list[str]:
    return [masked(text) for text in await page.evaluate(READ)]


def stored() -> Words:
    words: Words = json.loads(FILE.read_text())
    return words


def store(words: Words) -> None:
    FILE.write_text(json.dumps(words, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def difference(seen: Mapping[str, list[str]]) -> str:
    """What the pages say otherwise than when their pictures were taken; nothing if all are still true."""
    known = stored()
    found: list[str] = []
    for name in sorted(known.keys() | seen.keys()):
        found += unified_diff(known.get(name, []), seen.get(name, []), f"{name}, pictured", f"{name}, now", lineterm="")
    return "\n".join(found)
