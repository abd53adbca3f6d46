import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from multimail.mail import render
from multimail.mail.render import MAX_NESTING, RenderError, markdown_to_html, sanitised_page

PIECES = [
    "a", "word ", "two  spaces ", "*", "**", "_", "__", "~~", "`", "``", "\n", "\n\n", "\r", " ", "    ", "\t", "# ",
    "## ", "###### ", "- ", "+ ", "* ", "1. ", "7) ", "> ", "---\n", "===\n", "```\n", "```py\n", "|a|b|\n|-|-|\n|c|",
    "<b>", "</p>", "<!-- x -->", "<script>", "<![CDATA[", "&amp;", "&lt;", "&quot;", "&#13;", "&#10;", "&#0;", "&#x80;",
    "&nbsp;", "\xa0", "\0", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe", "ü", "😀", "<", ">",
    "&", "=", '"', "'", "\\", "[l](http://a.example)", "![i](http://a.example)", "https://a.example/?a=b&c ",
    "www.a.example ", "a@b.example ", "[ ] ", "[x]: /u\n", "<http://a.example>", "[", "](http://b.example/d)",
    "|:-|-:|:-:|\n", "|a|b|c|\n", "http://xn--a.example ", "http://1.2.3.4.5 ", "[l](/a.example)", "[l](javascript:a)",
]  # fmt: skip
markdowns = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=60)
LINK = '<a href="https://a.example/?b=c&amp;d">'
TAGS = [*"<p> </p> <em> </em> <li> <code> <pre> </code> </a>".split(), "<br />", "<hr />", LINK]
HOSTILE = [
    "<p onclick=x>",
    "<script>",
    "<P>",
    "< p>",
    "<p/>",
    "<p",
    "<",
    ">",
    "<!--",
    "-->",
    "<a href=x>",
    '<a href="https://a.example" onclick=x>',
    '<a href="javascript:x">',
    "<style>",
]


@given(markdowns)
@example("x\n\n    code\n\n```\n\nmore\n```")
@example("&#13;")
def test_leaving_nh3_out_changes_no_byte(markdown):
    rendered = render._rendered(markdown)
    assert render._styled(rendered) == render._markdown_cleaner.clean(rendered)


@given(st.lists(st.sampled_from([*TAGS, *HOSTILE, "a", '"', "&", "\r"]), max_size=20).map("".join))
def test_without_nh3_nothing_but_a_closed_set_of_tags_gets_out(rendered):
    """Whatever cmark wrote: this does not rely on it."""
    styled = render._styled(rendered)
    link = LINK[:-1] + ' style="color:#0b57d0">'
    bare = set(re.findall("<[^>]*>?", styled)) <= {*render._BARE_TAGS.values(), link}
    assert bare or styled == render._markdown_cleaner.clean(rendered)


URL_PIECES = [*"ab01.-_~:/?#[]@!$&'()*+,;=% \\^`{|}é\xa0Z", *"xn-- &amp; %2e .. 0x1 1.2 b.example".split()]


@given(st.sampled_from(["http://", "https://", "mailto:", "tel:", ""]), st.lists(st.sampled_from(URL_PIECES)))
@example("http://", ["a", ".", "1"])
@example("https://", ["xn--", "a", ".", "b.example"])
def test_what_counts_as_a_plain_link_is_one_to_nh3(scheme, pieces):
    url = scheme + "".join(pieces)
    for frame in ("[l](%s)", "[l](<%s>)", "<%s>", "%s", "|a|\n|-|\n|%s|", "[%s](http://a.example)"):
        rendered = render._rendered(frame % url)
        assert render._styled(rendered) == render._markdown_cleaner.clean(rendered)


def test_links_in_links_go_to_nh3():
    for nested in (f"{LINK}a{LINK}b</a></a>", f"{LINK}a", "a</a>", f"{LINK}a{LINK}b</a>", f"</a>{LINK}"):
        assert render._styled(nested) == render._markdown_cleaner.clean(nested)


def test_ordinary_mail_does_without_nh3(monkeypatch):
    monkeypatch.setattr(render, "_markdown_cleaner", None)
    html = markdown_to_html('# Hi\n\n"We" said **so** & `this`:\n\n- a\n- b\n\n> c\n\n---\n\nd\ne')
    assert '<p style="margin:0 0 16px">"We" said <strong>so</strong> &amp; <code style="' in html
    html = markdown_to_html("www.a.example [b](https://b.example/c?d=e&f#g) h@i.example\n\n|j|\n|:-:|\n|m|")
    assert '<a href="https://b.example/c?d=e&amp;f#g" style="color:#0b57d0">b</a>' in html
    assert '<td align="center" style="border:1px solid #d0d7de;padding:6px 12px">m</td>' in html


def test_memory_is_given_back():
    def pages():
        return int(Path("/proc/self/statm").read_text().split()[1])

    markdown = "some *words* in a paragraph\n\n" * 2_000
    for _ in range(20):
        markdown_to_html(markdown)
    before = pages()
    for _ in range(200):
        markdown_to_html(markdown)
    assert (pages() - before) * 4096 < 200 * len(markdown) / 4


@pytest.mark.parametrize(
    "markdown",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        "[x](data:text/html,hi)",
        "![x](javascript:alert(1))",
        '[x](https://a.example "\\"><p onmouseover=alert(1)>")',
        "<style>p{}</style><iframe src=https://a.example></iframe>",
    ],
)
def test_markdown_never_becomes_active(markdown):
    html = markdown_to_html(markdown)
    assert not re.search(r"<(script|iframe|style|img src=x)|<[^>\"]*(\"[^\"]*\"[^>\"]*)*\son\w+=", html)
    assert not re.search(r"(href|src)=\"(javascript|data):", html)


def test_markdown_has_inline_styles_and_no_remote_content_of_ours():
    html = markdown_to_html("# T\n\na\nb\n\n| x |\n|---|\n| y |\n\n~~no~~")
    assert '<h1 style="' in html and "<br>" in html and '<td style="' in html and "<del>" in html
    assert not re.search(r"https?://|url\(|<link|@import", html)
    assert 'src="https://img.example/a.png"' in markdown_to_html("![a](https://img.example/a.png)")


@pytest.mark.parametrize(
    ("make", "body", "why"),
    [
        (markdown_to_html, "x" * (256 * 1024 + 1), "longer than 256 KiB"),
        (markdown_to_html, "\ud800", "lone surrogate"),
        (markdown_to_html, ">" * (MAX_NESTING + 1) + "x", "nested"),
        (markdown_to_html, "|a" * 3000 + "\n" + "|-" * 3000 + "\n" + "|a\n" * 2000, "too large once"),
        (sanitised_page, "<div>" * 20_000, "elements"),
        (sanitised_page, "<p " + "a=1 " * 20_000 + ">", "tag longer"),
        (sanitised_page, "x" * (256 * 1024 + 1), "longer than 256 KiB"),
        (sanitised_page, "\ud800", "lone surrogate"),
    ],
)
def test_what_is_too_much_is_refused(make, body, why):
    with pytest.raises(RenderError, match=why):
        make(body)


def test_nesting_up_to_the_limit_is_rendered():
    assert markdown_to_html(">" * MAX_NESTING + "x").count("<blockquote") == MAX_NESTING
