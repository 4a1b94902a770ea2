"""The page: complete, harmless, offline, the same each time. How it looks in a browser is tested in test_browser.py."""

import hashlib
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import matplotlib
import pytest

from merc.files.printable import printable
from merc.studies.report.page import SECTIONS, render_page
from studies.report.invented import HOSTILE, HOSTILE_ARM, LABELS, LONG, RIVALS, invented_summary

NOT_COMPARABLE = "not comparable: epochs chosen on the test part"

TESTS = Path(__file__).resolve().parents[2]
TAGS = """html head meta title style body header h1 h2 h3 nav ol ul li a main section p strong div span table caption thead tbody tr
th td details summary pre dl dt dd figure figcaption svg g path defs use clippath rect text"""
ATTRIBUTES = """lang charset http-equiv content name id class href tabindex role aria-label aria-labelledby aria-hidden scope
colspan rowspan style width height viewbox d x y transform clip-path"""
VOID = {"meta"}


class Page(HTMLParser):
    """All that the tests want to know of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts = [], [], []
        self.tables, self.inside, self.open = [], {}, []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append({"caption": "", "rows": []})
        if tag == "tr":
            self.tables[-1]["rows"].append([])
        if tag in ("th", "td"):
            values = dict(attrs)
            self.tables[-1]["rows"][-1].append({"text": "", "tag": tag, **values})
        if tag in ("figcaption", "title", "h1", "h2", "h3", "caption"):
            self.inside.setdefault(tag, []).append("")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        for tag in ("figcaption", "title", "h1", "h2", "h3", "caption"):
            if tag in self.open:
                self.inside[tag][-1] += data
        if "caption" in self.open:
            self.tables[-1]["caption"] += data
        elif "th" in self.open or "td" in self.open:
            self.tables[-1]["rows"][-1][-1]["text"] += data

    @property
    def text(self):
        return "".join(self.texts)

    def table(self, beginning):
        """The first table whose caption begins so, as rows of texts."""
        found = next(t for t in self.tables if t["caption"].startswith(beginning))
        return [[cell["text"] for cell in row] for row in found["rows"]]

    def values(self, name):
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(scope="module")
def read(page):
    return Page(page)


@pytest.fixture(scope="module")
def read_peak(peak_page):
    return Page(peak_page)


def test_no_element_or_attribute_is_there_but_those_of_the_template(read):
    assert set(read.tags) <= set(TAGS.split())
    assert {name for _, name, _ in read.attributes} <= set(ATTRIBUTES.split())


def test_nothing_on_the_page_points_outside(read, page):
    ids = read.values("id")
    assert len(ids) == len(set(ids))
    assert read.values("href"), "the contents link to the sections"
    assert all(value.startswith("#") and value[1:] in ids for value in read.values("href"))
    for _, name, value in read.attributes:
        if name in ("style", "clip-path"):
            assert all(target in ids for target in re.findall(r"url\(#([^)]*)\)", value))
            assert "url(" not in value.replace("url(#", "")
    style = page.split("<style>")[1].split("</style>")[0]
    assert not re.search(r"url\(|@import|://|<", style)
    assert "default-src 'none'" in page.split("<style>")[0]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != HOSTILE[3]])
def test_a_hostile_text_is_seen_as_it_is_and_never_as_markup(read, page, text):
    line = printable(text)
    assert line in read.text
    if set(line) & set("<>"):
        assert line not in page


def test_no_character_on_the_page_steers_what_is_shown(page):
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]", page)
    page.encode("utf-8")


def test_a_recipe_keeps_its_lines_and_nothing_that_steers(study):
    steered = study.model_copy(update={"recipes": {"cmath": "a\tb\n\u202ec <d>\n"}})
    assert ">a b\n\\u202ec &lt;d&gt;</pre>" in render_page(steered)


def test_a_template_in_the_data_is_not_run(read):
    assert "{{ 7 * 7 }}{% raw %}" in read.text


def test_every_arm_label_failure_and_mistake_is_there(read, study):
    for arm in study.arms:
        name = "CMATH" if arm.kind == "cmath" else printable(arm.name)
        kind = "CMATH and its ablations" if arm.kind == "ablation" else "CMATH and its rivals"
        assert name in [row[0] for row in read.table(kind)]
        assert printable(arm.about) in read.text
        assert f"Recipe of {printable(arm.name)}" in read.text
    assert [row[0] for row in read.table("Labelled utterances")][1:] == [printable(label) for label in LABELS]
    failed = [failure for arm in study.arms for failure in arm.failures]
    failed += [failure for failures in study.without_result.values() for failure in failures]
    assert [row[4] for row in read.table("Trainings that failed")[1:]] == [printable(failure.error) for failure in failed]
    listed = read.table("Utterances that CMATH labels wrongly")[1:] + read.table("The next ones")[1:]
    assert [row[:2] for row in listed] == [[printable(m.conversation), printable(m.utterance)] for m in study.mistakes]


def test_the_numbers_of_the_main_table_are_those_of_the_summary(read, study):
    header, *rows = read.table("CMATH and its rivals on test")
    by_name = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert len(rows) == 1 + len(RIVALS)
    means = [float(row[2].split()[0]) for row in rows]
    assert means == sorted(means, reverse=True)
    for arm in study.arms:
        if arm.kind == "ablation":
            continue
        row = by_name["CMATH" if arm.kind == "cmath" else arm.name]
        for column, name in (("weighted F1", "weighted_f1"), ("accuracy", "accuracy"), ("macro F1", "macro_f1")):
            estimate = arm.scores[name]
            deviation = "" if estimate.sd is None else f" ({100 * estimate.sd:.2f})"
            assert row[column] == f"{100 * estimate.mean:.2f}{deviation}"
        assert row["NLL"].split()[0] == f"{arm.scores['negative_log_likelihood'].mean:.3f}"
        assert row["ECE"].split()[0] == f"{100 * arm.scores['expected_calibration_error'].mean:.1f}"
        assert row["selection"].split()[0] == f"{100 * arm.selected.mean:.2f}"
        assert row["parameters"] == f"{arm.parameters:,}"
        assert row["seeds"] == str(len(arm.seeds))
        if arm.difference is not None:
            d = arm.difference
            assert row["CMATH − arm"].replace("−", "-") == f"{100 * d.difference:+.2f}"
            assert row["95 % interval"].replace("−", "-") == f"{100 * d.low:+.2f} to {100 * d.high:+.2f}"
            assert row["Hedges’ g"] == ("–" if d.effect_size is None else f"{d.effect_size:.2f}".replace("-", "−"))
            assert row["CMATH is"].endswith(d.verdict)
            assert row["p (Holm)"] == ("<\u00a00.001" if d.p_holm < 0.001 else f"{d.p_holm:.3f}")


def test_the_numbers_of_areas_and_confusions_are_those_of_the_summary(read, study):
    rows = {row[0]: row[1:] for row in read.table("CMATH and its rivals: areas")[2:]}
    for arm in study.arms:
        if arm.kind == "rival":
            found = [cell.replace("−", "-") for cell in rows[arm.name]]
            for place, area in enumerate(("lost", "lost at random", "noise", "all")):
                assert found[3 * place].split()[0] == f"{100 * arm.areas[area].mean:.2f}"
                d = arm.area_differences[area]
                expected = f"{100 * d.difference:+.2f} ({100 * d.low:+.2f} to {100 * d.high:+.2f})"
                assert found[3 * place + 1] == expected
                assert found[3 * place + 2].endswith(d.verdict)
    for arm in study.arms:
        if arm.kind != "ablation":
            name = "CMATH" if arm.kind == "cmath" else arm.name
            cells = [row[2:] for row in read.table(f"{name}: share of the utterances")[2:]]
            assert cells == [[f"{100 * (n / sum(row)):.1f}" for n in row] for row in arm.confusion]


def test_every_row_of_every_table_is_as_wide_as_the_table(read):
    for table in read.tables:
        above = 0
        widths = []
        for row in table["rows"]:
            widths.append(above + sum(int(cell.get("colspan", 1)) for cell in row))
            above = sum(int(cell.get("rowspan", 1)) > 1 for cell in row)
        assert len(set(widths)) == 1, table["caption"]
        headers = [cell for row in table["rows"] for cell in row if cell["tag"] == "th"]
        assert all(cell.get("scope") in ("row", "col", "colgroup") for cell in headers)


def test_every_table_and_figure_says_that_it_is_not_comparable(read_peak, read):
    for tag in ("caption", "figcaption"):
        assert all(NOT_COMPARABLE in text for text in read_peak.inside[tag])
        assert not any(NOT_COMPARABLE in text for text in read.inside[tag])
    assert all(NOT_COMPARABLE in title for title in read_peak.inside["title"][1:])
    assert len(read_peak.inside["caption"]) == len(read_peak.tables)
    assert "banner" in read_peak.values("class")
    assert "banner" not in read.values("class")


def test_figures_have_titles_and_stand_in_the_order_of_the_contents(read):
    drawn = [name for tag, name, _ in read.attributes if tag == "svg" and name in ("role", "aria-hidden")]
    assert len(drawn) == read.tags.count("svg")
    assert read.values("role").count("img") == len(read.inside["title"]) - 1
    assert read.inside["h2"] == ["Contents", *SECTIONS.values()]
    levels = [int(tag[1]) for tag in read.tags if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1 and all(deeper - level <= 1 for level, deeper in pairwise(levels))


def test_the_answer_counts_verdicts(read, read_peak):
    assert "rank 1 of 5. Of 4 rivals, it is better than 3 (early-fusion, unimodal-transformer-text and majority)" in read.text
    assert "and not shown to differ from 1 (sdt)." in read.text
    assert "the part helps in 1 (without-corruption), hurts in 1 (without-coarse-to-fine)" in read.text
    assert "with any modality lost at random (better than 3, no difference shown to 1)" in read.text
    assert "Without any judged seed: dialogue-rnn." in read.text
    assert "not done" not in read.text
    assert "3 tasks are not done" in read_peak.text


def test_transcripts_are_shown_only_where_there_are_any(read):
    assert read.table("Utterances that CMATH")[0][-1] == "transcript"
    without = Page(render_page(invented_summary(transcripts=False)))
    assert "transcript" not in without.table("Utterances that CMATH")[0]
    assert "Oh, that is so like you." not in without.text


def test_a_study_of_cmath_alone_has_a_page(read):
    alone = Page(render_page(invented_summary(rivals={}, ablations={}, failed=False)))
    assert "there is no rival to compare it with" in alone.text
    assert alone.inside["h2"] == read.inside["h2"]
    assert alone.text.count("None.") == 2  # ablations, failures
    assert len(alone.table("CMATH and its rivals on test")) == 2


def test_numbers_on_the_part_that_chose_the_epochs_are_called_so(study):
    judged_there = study.model_copy(update={"part": "validation"})
    assert "too good to be reported" in render_page(judged_there)
    assert "too good to be reported" not in render_page(study)


def test_the_same_summary_gives_the_same_bytes(study, page):
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False, "savefig.dpi": 300}):
        assert render_page(study) == page
    program = (
        "import hashlib; from studies.report.invented import invented_summary; from merc.studies.report.page import render_page; "
        "print(hashlib.sha256(render_page(invented_summary()).encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == hashlib.sha256(page.encode()).hexdigest(), done.stderr


def test_the_invented_study_is_hostile_where_it_claims_to_be(study):
    assert HOSTILE_ARM in [arm.name for arm in study.arms]
    assert any(LONG in (m.transcript or "") + m.utterance + m.conversation for m in study.mistakes)
