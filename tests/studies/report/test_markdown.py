"""results.md: tables that stay tables, and nothing in a cell that becomes markup."""

import re
from html import unescape

import pytest
from markdown_it import MarkdownIt

from merc.files.printable import printable
from merc.studies.report.markdown import escaped, render_markdown
from studies.report.invented import HOSTILE, LABELS, invented_summary

NOT_COMPARABLE = "not comparable: epochs chosen on the test part"

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@pytest.fixture(scope="module")
def text(study):
    return render_markdown(study)


def tables(text):
    """Blocks of lines that begin with a bar, each line as its cells."""
    found, block = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            block.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif block:
            found.append(block)
            block = []
    return found


def test_every_row_has_as_many_columns_as_its_table(text):
    found = tables(text)
    assert [len(table) - 2 for table in found] == [5, 5, 5, 5, 9, 4]
    for table in found:
        assert {len(row) for row in table} == {len(table[0])}
        assert all(re.fullmatch(r":--|--:", cell) for cell in table[1])


def test_a_reader_of_markdown_sees_the_same_tables_and_nothing_else(text, study):
    html = READER.render(text)
    assert html.count("<table>") == 6
    tags = set(re.findall(r"<(/?\w+)", html))
    assert not tags & {"a", "img", "script", "svg", "i", "b", "code", "em", "del", "pre"}
    failures = html.split("<h2>Failures</h2>")[1]
    assert len(re.findall(r"<tr>", failures.split("</table>")[0])) == 5


@pytest.mark.parametrize(
    "hostile", [*HOSTILE, "**a** _b_ ~~c~~", "\\| \\\\| \\", "# a", "1. a", "https://evil.example a@b.example"]
)
def test_an_escaped_text_reads_as_it_is(hostile):
    html = READER.render(f"| a |\n| -- |\n| x{escaped(hostile)}x |\n")
    assert html.count("<td") == 1
    cell = re.search(r"<td>(.*)</td>", html)[1]
    assert "<" not in cell
    assert unescape(cell) == "x" + printable(hostile) + "x"


def test_a_bare_address_does_not_link():
    assert "https://" not in escaped("https://evil.example")
    assert "www." not in escaped("www.evil.example")


def test_numbers_are_those_of_the_summary_and_stay_readable(text, study):
    rows = {row[0].strip("*"): [cell.strip("*") for cell in row] for row in tables(text)[0][2:]}
    header = tables(text)[0][0]
    for arm in study.arms:
        if arm.kind != "ablation":
            row = dict(zip(header, rows["CMATH" if arm.kind == "cmath" else arm.name], strict=True))
            score = arm.scores["weighted_f1"]
            assert row["weighted F1"] == f"{100 * score.mean:.2f}" + ("" if score.sd is None else f" ({100 * score.sd:.2f})")
    assert any("(−" in cell or "(+" in cell for row in tables(text)[2] for cell in row)


def test_protocol_failures_and_arms_are_there(text, study):
    assert "Protocol validation" in text.replace("\\", "")
    for arm in study.arms[1:]:
        assert escaped(arm.name) in text
    for failures in study.without_result.values():
        assert all(escaped(failure.error) in text for failure in failures)
    assert len(LABELS) == 7 and "7 labels" in text


def test_every_table_says_that_it_is_not_comparable(peak_study, text):
    marked = render_markdown(peak_study)
    lines = marked.split("\n")
    captions = [lines[place - 2] for place, line in enumerate(lines) if line.startswith("|") and not lines[place - 1]]
    assert len(captions) == 6
    assert all(escaped(NOT_COMPARABLE) in caption for caption in captions)
    assert escaped(NOT_COMPARABLE) not in text


def test_a_study_without_ablations_and_failures_says_so():
    text = render_markdown(invented_summary(rivals={}, ablations={}, failed=False))
    assert text.count("None.") == 2
    assert text == render_markdown(invented_summary(rivals={}, ablations={}, failed=False))
