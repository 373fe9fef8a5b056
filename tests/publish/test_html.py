"""Pages render what a notebook shows, of every kind of output, with its code folded and nothing dangerous."""

from __future__ import annotations

import base64
import hashlib
import re

import nbformat
import pytest

from evalkit import markup
from evalkit.publish import html

V4 = nbformat.v4


def page(*cells: nbformat.NotebookNode, **more: object) -> str:
    settings = {"language": "en", **more}
    return html.to_html(V4.new_notebook(cells=list(cells)), **settings)  # type: ignore[arg-type]


def shown(data: dict[str, object], source: str = "x") -> nbformat.NotebookNode:
    return V4.new_code_cell(source, outputs=[V4.new_output("display_data", data=data)])


def test_each_kind_of_output_is_shown() -> None:
    text = page(
        shown({"text/html": "<h1>Title &amp; more</h1>", "text/plain": "plain"}),
        shown({"text/plain": "a < b"}),
        shown({"text/markdown": "*soft*"}),
        shown({"image/svg+xml": "<svg role='img'></svg>"}),
        shown({"image/png": "AAAA", "text/plain": 'a "figure"'}),
        shown({"application/vnd.evalkit.result+json": {"secret": 1}, "text/plain": "Record"}),
        V4.new_code_cell("y", outputs=[V4.new_output("stream", text="told \x1b[31mred\x1b[0m <b>")]),
        V4.new_markdown_cell("## Words\n\nmore *words*"),
    )
    assert "<title>Title &amp; more</title>" in text
    assert "plain</pre>" not in text
    assert "a &lt; b" in text
    assert "<em>soft</em>" in text
    assert "<em>words</em>" in text
    assert "<h2" in text
    assert 'src="data:image/png;base64,AAAA" alt="a &#34;figure&#34;"' in text
    assert "Record" not in text
    assert "secret" not in text
    assert "&lt;b&gt;" in text
    assert "\x1b" not in text


def test_code_is_folded_below_what_it_shows_and_escaped() -> None:
    text = page(
        V4.new_code_cell("import os"), shown({"text/html": "<p>one</p>"}, "show('<b>')"), V4.new_code_cell("end()")
    )
    assert (
        text.index("<p>one</p>")
        < text.index("import os")
        < text.index("show(&#39;&lt;b&gt;&#39;)")
        < text.index("end()")
    )
    assert text.count("<details") == 2
    assert "<details open" not in text


def test_title_falls_back_and_links_are_escaped() -> None:
    text = page(V4.new_markdown_cell("no heading"), fallback="the <page>", links=[("All & more", 'x.html?"')])
    assert "<title>the &lt;page&gt;</title>" in text
    assert '<a href="x.html?&quot;">All &amp; more</a>' in text
    assert html.title_of(V4.new_notebook(cells=[V4.new_markdown_cell("# Heading")])) == "Heading"


@pytest.mark.parametrize(("language", "told"), [("en", "Skip to content"), ("zh", "跳到正文")])
def test_the_page_is_in_its_language(language: str, told: str) -> None:
    text = page(V4.new_markdown_cell("# A"), language=language)
    assert told in text
    assert f'lang="{html.HTML_LANG[language]}"' in text  # type: ignore[index]


def test_the_same_notebook_gives_the_same_bytes_and_fetches_nothing() -> None:
    cells = [V4.new_markdown_cell("# A", id="a"), V4.new_code_cell("x", id="b")]
    one = page(*cells)
    assert one == page(*cells)
    assert not re.search(r"https?://|<link|@import|url\((?!#)", one)
    assert "@media print" in one


def test_no_script_runs_but_the_pages_own() -> None:
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    text = page(shown({"text/html": hostile}), V4.new_markdown_cell("# A"))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    (own,) = [found for found in re.findall(r"<script>(.*?)</script>", text, re.S) if found != "alert(1)"]
    assert policy
    assert text.index("Content-Security-Policy") < text.index("<style")
    allowed = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'" in policy[1]
    assert "default-src 'none'" in policy[1]
    assert "script-src 'unsafe-inline'" not in policy[1]


def test_a_title_cannot_leave_the_header_of_the_printed_page() -> None:
    text = page(V4.new_markdown_cell('# Score "+10 %" </style> \\ 银行'))
    told = re.search(r'@top-left \{ content: "([^"]*)"; \}', text)
    assert told
    assert text.count("</style>") == 1
    assert re.sub(r"\\([0-9a-f]+) ", lambda found: chr(int(found[1], 16)), told[1]) == html.title_of(
        V4.new_notebook(cells=[V4.new_markdown_cell('# Score "+10 %" </style> \\ 银行')])
    )


def test_regions_of_one_name_are_told_apart() -> None:
    tables = [markup.table("Before & after", ("a", "b"), [("x", 1)]).text] * 3
    text = page(shown({"text/html": "".join(tables)}))
    assert re.findall(r'role="region" tabindex="0" aria-label="([^"]*)"', text) == [
        "Before &amp; after",
        "Before &amp; after (2)",
        "Before &amp; after (3)",
    ]
