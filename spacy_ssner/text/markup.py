"""How elements of HTML are laid out as text: which of them begin a line, which stand apart, which keep white space."""

import re
from typing import Any, Dict

BLOCKS = (
    "center dd details dialog dir dl dt fieldset form hr legend menu optgroup option search section summary"
).split()
INLINE = (
    "a abbr b bdi bdo big button cite code data del dfn em font i ins kbd label mark s samp small strike strong sub "
    "sup time tt u var"
).split()
BLOCK_STYLE = re.compile(r"\bdisplay\s*:\s*(?:flex|grid|table|list-item|flow-root)\b[\w-]*", re.I)
NO_MARK = re.compile(r"\s*(?:st|nd|rd|th)?\s*", re.I)
CLOSING = tuple(".,;:!?)]}%…'\"’”»")


def element_styles() -> Dict[str, Any]:
    """inscriptis' HtmlElement of each tag: its relaxed ones, and what these lack.

    Elements without an entry are inline there, and lose the line breaks of a `pre` around them.
    """
    from inscriptis.css_profiles import RELAXED_CSS_PROFILE
    from inscriptis.html_properties import Display, WhiteSpace
    from inscriptis.model.html_element import HtmlElement

    styles = {tag: HtmlElement(display=Display.block) for tag in BLOCKS}
    styles.update((tag, HtmlElement(whitespace=None)) for tag in INLINE)  # None: as in the element around it
    styles["span"] = HtmlElement(prefix=" ", suffix=" ", limit_whitespace_affixes=True, whitespace=None)
    styles["textarea"] = HtmlElement(display=Display.block, whitespace=WhiteSpace.pre)
    styles["body"] = HtmlElement()  # inscriptis writes into it: not into the one that all threads share
    return {**RELAXED_CSS_PROFILE, **styles}


def part_elements(tree: Any) -> None:
    """Change a tree of lxml so that footnote marks, buttons and labels do not join the words beside them.

    `CVE-2021-4422<sup>8</sup>` is no CVE-2021-44228; `20<sup>th</sup>` stays one word.
    """
    for element in tree.iter("sup", "button", "label"):
        if element.tag == "sup" and NO_MARK.fullmatch("".join(element.itertext())):
            continue
        element.text = f" {element.text or ''}"
        if not (element.tail or "").startswith(CLOSING):
            element.tail = f" {element.tail or ''}"
    for element in tree.iterfind(".//*[@style]"):
        element.set("style", BLOCK_STYLE.sub("display:block", element.get("style")))
