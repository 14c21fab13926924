"""Links in README and docs: the file is there, and so is the heading."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```.*?^```$", flags=re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")


def prose(page):
    """Text without blocks of code, whose comments are no headings."""
    return FENCE.sub("", page.read_text(encoding="utf8"))


def anchors(page):
    """Of each heading, as GitHub makes them; of several alike the second ends in -1, and so on."""
    seen: Counter = Counter()
    found = set()
    for title in re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def broken_links(page):
    broken = []
    for link in LINK.findall(prose(page)):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links(page):
    assert not broken_links(page)


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text(
        "# A: `b_c`, d\n\n## Two\n\n## Two\n\n```\n# code\n```\n", encoding="utf8"
    )
    good = "[a](other.md) [b](other.md#a-b_c-d) [c](other.md#two) [d](other.md#two-1) [e](#here) [f](https://x.org/#y)"
    bad = ["none.md", "other.md#code", "other.md#two-2", "other.md#A-b_c-d", "#there"]
    page.write_text(f"# Here\n\n{good}\n" + "".join(f"[x]({link})\n" for link in bad), encoding="utf8")
    assert broken_links(page) == bad
