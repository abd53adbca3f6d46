import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multimail.mail.markdown import MAX_HIDDEN, MAX_HTML, MAX_LINKS, MAX_TOKENS, read_html
from multimail.mail.quoting import QUOTE_CLOSE, QUOTE_OPEN, split

HIDING = {
    "display": '<div style="display: none !important">{}</div>',
    "visibility": '<div style="visibility:hidden">{}</div>',
    "opacity": '<div style="opacity:0.0">{}</div>',
    "font size": '<span style="font-size:0px">{}</span>',
    "font size 1px": '<span style="font-size:1px">{}</span>',
    "height": '<div style="max-height:0;overflow:hidden">{}</div>',
    "width": '<div style="width:0">{}</div>',
    "colour": '<div style="background:#ffffff"><span style="color:#FFF">{}</span></div>',
    "near colour": '<div style="background:#ffffff"><span style="color:#fefefe">{}</span></div>',
    "rgb": '<td bgcolor="black"><font color="#000000">{}</font></td>',
    "white on an unpainted page": '<p style="color:white">{}</p>',
    "transparent": '<p style="color:rgba(0,0,0,0)">{}</p>',
    "attribute": "<p hidden>{}</p>",
    "far left": '<p style="position:absolute;left:-9999px">{}</p>',
    "indent": '<p style="text-indent:-9999px">{}</p>',
    "css comment": '<p style="dis/**/play:/* x */none">{}</p>',
    "css escape": r'<p style="d\69splay:none">{}</p>',
    "entity": '<p style="display&#58;none">{}</p>',
    "unquoted": "<p style=display:none>{}</p>",
    "sheet": "<style>.x, #y {{ display:none }}</style><p class='a X'>{}</p>",
    "comment": "<!-- {} -->",
    "odd comment": "<!-- a> {} --!>",
    "pixel": '<img alt="{}" width=1 height=1>',
    "nested": '<div style="display:none"><p>a</p><table><tr><td>{}</td></tr></table></div>',
    "past a block": '<span style="display:none"><p>a</span>{}</p></span>',
    "deep": "<div>" * 500 + '<p style="display:none">{}</p>' + "</div>" * 500,
}


@pytest.mark.parametrize("template", HIDING.values(), ids=list(HIDING))
def test_hidden_text_is_removed_and_reported(template: str) -> None:
    reading = read_html("<p>seen</p>" + template.format("secret order") + "<p>also seen</p>")
    assert "secret" not in reading.markdown
    assert any("secret order" in entry for entry in reading.hidden)
    assert reading.markdown.split("\n")[0] == "seen" and "also seen" in reading.markdown


@pytest.mark.parametrize(
    "html",
    [
        '<td style="font-size:0"><div style="font-size:13px">shown</div></td>',
        '<div style="background:#000"><p style="color:#fff">shown</p></div>',
        '<div style="background:#fff url(http://x/p.png)"><p style="color:#fff">shown</p></div>',
        '<p style="display:none">x<p>shown',
        '<div style="display:none"><b>x</div>shown',
        '<p title="style=display:none">shown</p>',
        "<style>@media print { .a { display:none } }</style><p class=a>shown</p>",
        '<span style="height:20px;opacity:.9">shown</span>',
    ],
)
def test_what_is_seen_stays(html: str) -> None:
    reading = read_html(html)
    assert "shown" in reading.markdown
    assert not any("shown" in entry for entry in reading.hidden)


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<h1>T</h1><p>a <b>b</b> <em>c</em></p>", "# T\n\na **b** *c*"),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        ("<ol start=3><li>a</li></ol>", "3. a"),
        ("<pre>x\n  y</pre>", "```\nx\n  y\n```"),
        ('<a href="https://x.org/?a=1&amp;b=2">go</a>', "[go](https://x.org/?a=1&b=2)"),
        ('<img alt="Logo" src="http://t/p.png">', "Logo"),
        ('<a href="https://x.org"><img src="http://t/p.png"></a>after', "after"),
        ('<a href="javascript:alert(1)">go</a>', "go"),
        ("<script>a</script><title>t</title>b", "b"),
        ("<table><tr><td><p>a</p></td></tr><tr><td>b</td></tr></table>", "a\n\nb"),
        ("<table><tr><th>I<th>P<tr><td>Tea<td>3</table>", "| I | P |\n| --- | --- |\n| Tea | 3 |"),
        ("<blockquote style='margin:0 0 0 40px;border:none'>in</blockquote>", "in"),
        ("a<div>b</div>c", "a\n\nb\n\nc"),
        ("1 < 2 &amp; 3 &gt; 2", "1 < 2 & 3 > 2"),
        ('<p title="a>b">x</p><p title="a>b">y</p><p title="a>c">z</p>', "x\n\ny\n\nz"),
        ("<p a>x<p a>y<P a>z", "x\n\ny\n\nz"),
        ("<title a>x</title><title a>y</title>z", "z"),
        ("", ""),
    ],
)
def test_markdown(html: str, markdown: str) -> None:
    assert split(read_html(html).markdown, rich=True).new == markdown


@pytest.mark.parametrize(
    "html",
    [
        '<p>new</p><blockquote type="cite">old</blockquote>',
        '<p>new</p><div class="gmail_quote"><div class="gmail_attr">On Nov 3, 2025 Bob &lt;b@x.org&gt; wrote:'
        '</div><blockquote class="gmail_quote">old</blockquote></div>',
        '<p>new</p><div class="yahoo_quoted">old</div>',
        '<p>new</p><hr><div id="divRplyFwdMsg"><b>From:</b> Bob<br></div><p>old</p>',
        '<p>new</p><div id="appendonsend"></div><p>old</p>',
        '<p>new</p><div class="moz-cite-prefix">On 11/3/25 10:00, Bob wrote:</div>'
        '<blockquote type="cite">old</blockquote>',
        "<p>new</p><p><b>Von:</b> B<br><b>Gesendet:</b> Mo<br><b>An:</b> m<br><b>Betreff:</b></p><p>old</p>",
        "<p>new</p><p>Am 3.11.2025 um 10:00 schrieb Bob &lt;b@x.org&gt;:</p><blockquote>old</blockquote>",
    ],
)
def test_history_of_the_big_clients(html: str) -> None:
    cut = split(read_html(html).markdown, rich=True)
    assert cut.new == "new"
    assert "old" in cut.quoted


def test_answers_between_gmail_quotes_stay_new() -> None:
    html = (
        '<div class="gmail_quote"><div>On Mon, Nov 3, 2025 Bob &lt;b@x.org&gt; wrote:</div>'
        '<blockquote class="gmail_quote">one?</blockquote><div>Yes.</div>'
        '<blockquote class="gmail_quote">two?</blockquote><div>No.</div></div>'
    )
    cut = split(read_html(html).markdown, rich=True)
    assert cut.new == "Yes.\n\nNo."
    assert "one?" in cut.quoted and "two?" in cut.quoted


def test_signature_of_gmail() -> None:
    cut = split(read_html('<p>new</p><div class="gmail_signature">Rick</div>').markdown, rich=True)
    assert (cut.new, cut.signature) == ("new", "Rick")


def test_a_mail_cannot_write_the_marks() -> None:
    reading = read_html(f"<p>a {QUOTE_OPEN} b &#xfdd0; {QUOTE_CLOSE}</p><p>c</p>")
    assert split(reading.markdown, rich=True).quoted == ""


def test_links_tell_text_and_target() -> None:
    reading = read_html(
        '<a href="https://evil.example/">https://bank.example</a><p hidden><a href="http://h">x</a>'
    )
    assert reading.links == (("https://bank.example", "https://evil.example/"),)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 50_000 + "x" + "</div>" * 50_000,
        "<b><i>" * 200 + "x",
        "<blockquote><ul><li>" * 5_000 + "x",
        "<table><tr><td>" * 5_000 + "x",
        "".join(f"<font color=#{i:06x}>" for i in range(20_000)) + "<p>x",
    ],
)
def test_deep_html_keeps_its_words(html: str) -> None:
    assert "x" in read_html(html).markdown


@pytest.mark.parametrize(
    "piece", ["<", "<a", '<a x="', "<!--", "<p>", "</p>", "<b><p></b>", "&", "<style>{", "<td>"]
)
def test_one_piece_repeated_is_bounded(piece: str) -> None:
    reading = read_html("seen " + piece * (400_000 // len(piece)))
    assert len(reading.hidden) <= MAX_HIDDEN and len(reading.links) <= MAX_LINKS
    assert reading.markdown.startswith("seen")


def test_what_was_not_read_is_said() -> None:
    assert any("pieces" in defect for defect in read_html("<br>" * (MAX_TOKENS + 1)).defects)
    assert any("longer" in defect for defect in read_html("x" * (MAX_HTML + 1)).defects)


@pytest.mark.parametrize("beginning", ["%PDF-1.4 ", "PK\x03\x04", "\x01" * 60])
def test_what_looks_like_a_file_is_read_all_the_same(beginning: str) -> None:
    """Found by fuzzing: the converter refused, and history, links and lists became one run of words."""
    page = "<ul><li>new</ul><blockquote type=cite>old <a href='https://a.example'>a</a></blockquote>"
    reading = read_html(f"{beginning}{page}")
    cut = split(reading.markdown, rich=True)
    assert "- new" in cut.new and "[a](https://a.example)" in cut.quoted and reading.defects == ()
    assert [entry.split(":")[0] for entry in reading.hidden] == ["invisible characters"] * (
        "%" not in beginning
    )


FRAGMENTS = st.lists(
    st.sampled_from(
        ["<div>", "</div>", "<p>", "</p>", "<b>", "</b>", "<table>", "<tr>", "<td>", "</table>", "<ul>",
         "<li>",
         "<blockquote type=cite>", "</blockquote>", "<a href=http://x>", "</a>", '<p style="display:none">',
         "<span style='color:#fff'>", "<!--", "-->", "word", "&amp;", "<", '"', "'", "=", ">", "<script>",
         "</script>", "<img alt=x>", "<pre>", "\n", "<style>", "</style>", "{", "}", "<div id=appendonsend>"]
    ),
    max_size=60,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(FRAGMENTS.map("".join) | st.text(max_size=200))
def test_any_html_is_read(html: str) -> None:
    reading = read_html(html)
    cut = split(reading.markdown, rich=True)
    assert len(cut.new) + len(cut.quoted) + len(cut.signature) <= 20 * len(html) + 100


@given(st.text(alphabet="abc", min_size=1), st.sampled_from([h for k, h in HIDING.items() if k != "pixel"]))
def test_hidden_words_never_show(word: str, template: str) -> None:
    assert f"zq{word}" not in read_html(template.format(f"zq{word}")).markdown
