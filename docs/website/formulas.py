"""Formulas of a page, `$...$` and `$$...$$`, as MathML, which browsers draw without scripts or fonts from elsewhere."""

from __future__ import annotations

import re
from functools import cache

CODE = re.compile(r"^(?P<fence>```+|~~~+).*?^(?P=fence)\s*?$|`[^`\n]+`|<!--.*?-->", re.M | re.S)
FORMULA = re.compile(r"\$\$(?P<display>.+?)\$\$|(?<![\\$])\$(?P<inline>[^$\n]+)\$", re.S)
LETTER = r'<mi mathvariant="(?P<kind>monospace|normal|bold)">[^<]*</mi>'
WORD = re.compile(rf"(?<=<mrow>)(?:{LETTER})+(?=</mrow>)|{LETTER.replace('kind', 'alone')}")
SIGN = re.compile(r"(<math[^>]*><mrow>|<mrow>|<mo[^>]*>(?!\)|&#x00029;|\]|&#x0005D;)[^<]*</mo>)<mo>&#x02212;</mo>")
FUNCTION = re.compile(r"(<mi>(?:log|ln|exp|max|min|det|sin|tanh|coth)</mi>)(?!</|<mo)")


@cache
def mathml(tex: str, display: str) -> str:
    """One formula; `display` is "block" or "inline"."""
    from latex2mathml.converter import convert

    drawn = convert(" ".join(tex.split()), display=display).replace("\n", "")
    drawn = SIGN.sub(r'\1<mo form="prefix">&#x02212;</mo>', drawn)
    drawn = FUNCTION.sub(r'\1<mspace width="0.17em"></mspace>', WORD.sub(_one_word, drawn))
    drawn = re.sub(r">([^<]+)<", lambda found: ">" + _entities(found[1]) + "<", drawn)
    return f'<span class="formula-{display}">{drawn}</span>'  # a line that began with <math> would be a block


def _one_word(found: re.Match[str]) -> str:
    """Letters set one by one, joined: browsers know no `mathvariant` but "normal", and space out single letters."""
    word = re.sub(r"<[^>]*>", "", found[0])
    kind = found["kind"] or found["alone"]
    return f'<mi mathvariant="normal">{word}</mi>' if kind == "normal" else f'<mtext class="{kind}">{word}</mtext>'


def _entities(text: str) -> str:
    """Markdown reads what stands between tags: its own signs are written in another way."""
    return "".join(f"&#x{ord(sign):04X};" if sign in "*_`[]\\$|~^" else sign for sign in text)


def with_mathml(page: str) -> str:
    """The page with its formulas drawn; code and comments stay as they are."""
    pieces, done = [], 0
    for code in CODE.finditer(page):
        pieces += [_drawn(page[done : code.start()]), code[0]]
        done = code.end()
    return "".join([*pieces, _drawn(page[done:])])


def _drawn(prose: str) -> str:
    def drawn(found: re.Match[str]) -> str:
        return mathml(found["display"], "block") if found["display"] else mathml(found["inline"], "inline")

    return FORMULA.sub(drawn, prose)
