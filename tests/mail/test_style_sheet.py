"""What CSS hides, in the ways in which it can be said; and what only some readers do not see."""

import pytest

from multimail.mail.markdown import read_html
from multimail.mail.style_sheet import MAX_RULES, compounds_of

INLINE = [
    "display: none ! important",
    "display:none;display:bogus",
    "display:none !important;display:block",
    "color:#fff;color:bogus",
    "font:0/0 a",
    "font: 400 1px/1px Arial",
    "font-size:calc(0px)",
    "font-size:.01em",
    "color:hsl(0,0%,100%)",
    "color:rgb(100%,100%,100%)",
    "color:rgb(255 255 255)",
    "color:#00000000",
    "color:#0000",
    "color:ghostwhite",
    "color:Canvas",
    "color:#f8f8f8",
    "color:#f0f0f0",
    "background:#000",  # the words are black already
    "background:#0b0b0b;color:#000",
    "--c:#fff;color:var(--c)",
    "color:var(--none,#fff)",
    "-webkit-text-fill-color:transparent",
    "-webkit-text-fill-color:#fff",
    "transform:scale(0)",
    "transform:scale3d(0,1,1)",
    "transform:translateX(-9999px)",
    "transform:translate(0,-9999px)",
    "filter:opacity(0)",
    "clip-path:inset(100%)",
    "clip-path:polygon(0 0,0 0,0 0)",
    "position:absolute;clip:rect(1px,1px,1px,1px)",
    "width:1px;height:1px;overflow:hidden",
    "max-height:1px;overflow:hidden",
    "margin-left:-9999px",
    "margin:0 0 0 -9999px",
    "content-visibility:hidden",
]
SHEETS = [
    ".x{font-size:0}",
    ".x{color:#fff}",
    "i{display:none}",
    "*{display:none}",
    "div .x{display:none}",
    "div > .x{display:none}",
    ".around .x{display:none}",
    "#top .around > i{display:none}",
    ".a.x{display:none}",
    "i.x#y{display:none}",
    ".\\78{display:none}",
    "[data-h]{display:none}",
    "[class~=x]{display:none}",
    'i[data-h="1"]{display:none}',
    ".x:not(.z){display:none}",
    "b + .x{display:none}",
    "@media all{.x{display:none}}",
    "@media screen{.x{display:none}}",
    "@media only screen and (min-width:1px){.x{display:none}}",
    "@supports (display:block){.x{display:none}}",
    "@charset 'utf-8';.x{display:none}",
    ".x{display:block}#y{display:none}.x{display:inline}",  # the id weighs more
    ".x{display:none !important}.x{display:block}",
    ":root{--c:#fff}.x{color:var(--c)}",
    "<!-- .x{display:none} -->",
    ".x{color:red;;display:none",
]
SHOWN_BY_SHEETS = [
    "@media (max-width:600px){.x{display:none}}",
    "@media only screen and (min-width:600px){.x{display:none}}",
    "@media print{.x{display:none}}",
    "@media (prefers-color-scheme:dark){.x{color:#fff}}",
    "u + #top .x{display:none}",
    ".other .x{display:none}",
    ".x .around{display:none}",
    ".x:hover{display:none}",
    ".x::before{display:none}",
    ".x{display:none}.x{display:block}",
    ".x{display:none}#y{display:block}",
    ".x{color:#fff;background:#036}",
    ".x{color:#fff;background-image:url(https://a.example/b.png)}",
    ".around{background:#000;color:#ddd}.x{color:#fff}",
]
SHOWN_INLINE = [
    "background:#000;color:#fff",
    "background:rgba(0,0,0,0)",
    "color:#999",
    "font:inherit",
    "font:italic 14px/20px Arial",
    "mso-hide:all",  # in one program, and shown in all others
    "display:block;display:none;display:block",
    "transform:scale(1.5)",
    "margin:0 auto",
    "width:100%;overflow:hidden",
]
ELEMENTS = [
    "<template>{}</template>",
    "<dialog>{}</dialog>",
    "<svg width=0 height=0><text>{}</text></svg>",
    '<div style="font-size:0"><b style="font-size:2em">{}</b></div>',
]


def read(sheet: str, inline: str) -> tuple[str, tuple[str, ...]]:
    page = f"<style>{sheet}</style><div id=top><div class=around><b>seen</b>"
    reading = read_html(f'{page}<i class="a x" id=y data-h=1 style="{inline}">the order</i></div></div>')
    assert "seen" in reading.markdown or sheet.startswith("*")
    return reading.markdown, reading.hidden


@pytest.mark.parametrize(("sheet", "inline"), [("", one) for one in INLINE] + [(one, "") for one in SHEETS])
def test_what_is_hidden(sheet: str, inline: str) -> None:
    markdown, hidden = read(sheet, inline)
    assert "order" not in markdown and any("the order" in one for one in hidden)


@pytest.mark.parametrize(
    ("sheet", "inline"), [("", one) for one in SHOWN_INLINE] + [(one, "") for one in SHOWN_BY_SHEETS]
)
def test_what_is_shown(sheet: str, inline: str) -> None:
    markdown, hidden = read(sheet, inline)
    assert "the order" in markdown and hidden == ()


@pytest.mark.parametrize("template", ELEMENTS)
def test_elements_that_are_not_shown(template: str) -> None:
    reading = read_html("<p>seen</p>" + template.format("the order"))
    assert "order" not in reading.markdown and "the order" in reading.hidden[0]


def test_what_stands_inside_decides_over_what_is_around() -> None:
    sheet = "<style>.dark{background:#000}.dark a{color:#fff}</style>"
    link = '<a href="https://a.example/">a link</a>'
    assert "a link" in read_html(f"{sheet}<div class=dark>{link}</div>").markdown
    assert (
        "a link"
        not in read_html(f"{sheet}<div class=dark>{link.replace('<a', '<a style=color:#000')}</div>").markdown
    )


def test_more_rules_than_are_followed_are_a_defect() -> None:
    rules = "".join(f".a{number}{{color:red}}" for number in range(MAX_RULES + 1))
    (defect,) = read_html(f"<style>{rules}</style><p>words").defects
    assert "style sheets" in defect
    assert read_html("<style>.a{color:red}</style><p>words").defects == ()


@pytest.mark.parametrize("selector", ["", ">", "a >", "a:hover", "[", "a{", "(", "a b:focus", "u + a"])
def test_selectors_that_speak_of_nothing(selector: str) -> None:
    assert compounds_of(selector) == []
