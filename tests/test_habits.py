"""Small promises of the repository that are easily broken without notice."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
TEXT = {".py", ".md", ".yaml", ".yml", ".toml", ".cff", ".txt", ".json", ".jsonl", ".cfg", ""}
MOST_LINES = 400

# A path of somebody's machine; /home/me is nobody's. A web address does not match: a letter or digit stands before its slash.
MACHINE_PATH = re.compile(r"(?<![\w.:/~*-])/(?:work|home(?!/me/)|root|Users|mnt|srv|media|scratch)/[\w.]|\b[A-Z]:\\Users\\")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def written_files():
    """Files that people write: not what tools leave behind."""
    folders = [ROOT / name for name in ("src", "tests", "docs", "recipes", "benchmarks", ".ci")]
    found = [path for folder in folders if folder.is_dir() for path in folder.rglob("*")]
    found += ROOT.iterdir()
    return sorted(
        path
        for path in found
        if path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts and path.name != Path(__file__).name
    )


def places(pattern, paths):
    """`file:line: text` wherever the pattern is found."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def declared():
    """Canonical names of all that pyproject.toml asks for: to run, for extras, to build."""
    settings = project()
    texts = [*settings["project"]["dependencies"], *settings["build-system"]["requires"]]
    texts += [text for extra in settings["project"]["optional-dependencies"].values() for text in extra]
    return sorted({canonicalize_name(Requirement(text).name) for text in texts} - {"merc"})


def pins():
    lines = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    return [Requirement(line) for line in lines if line]


def test_no_file_names_a_path_of_one_machine():
    assert places(MACHINE_PATH, written_files()) == []


@pytest.mark.parametrize("line", ["open('/home/ada/x.pkl')", "see /srv/main/x", "DATA = Path('/mnt/disk')", r"C:\Users\ada"])
def test_a_path_of_one_machine_is_seen(line):
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize(
    "line", ["https://example.org/home/page", "../shared/data", "src/data/store", "/home/me/model", "a /b/home/ c", "~/work/x"]
)
def test_other_paths_are_let_through(line):
    assert not MACHINE_PATH.search(line)


def test_nothing_in_the_source_is_left_unfinished():
    assert places(UNFINISHED, [path for path in written_files() if "src" in path.parts]) == []


def test_no_source_file_is_too_long():
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in (ROOT / "src").rglob("*.py")}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_the_licence_table_has_one_row_for_each_declared_dependency():
    rows = [line.strip("| ").split("|") for line in (ROOT / "docs/licences.md").read_text().splitlines() if line.startswith("| ")]
    header, *body = [[cell.strip() for cell in row] for row in rows]
    assert header == ["dependency", "licence", "extra", "note"]
    assert sorted(canonicalize_name(row[0]) for row in body) == declared()
    assert all(row[1] for row in body)


def test_the_licence_table_names_the_right_extras():
    optional = project()["project"]["optional-dependencies"]
    for name, requirements in optional.items():
        for requirement in map(Requirement, requirements):
            if requirement.name != "merc":
                row = re.compile(rf"^\| {requirement.name} \|[^|]*\| `{name}` \|", re.MULTILINE)
                assert row.search((ROOT / "docs/licences.md").read_text()) or _in_core(requirement.name), requirement.name


def _in_core(name):
    return name in {Requirement(text).name for text in project()["project"]["dependencies"]}


def test_the_licence_is_the_whole_apache_text():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert all(f"\n   {number}. " in text for number in range(1, 10))
    assert text.rstrip().endswith("limitations under the License.")


def test_constraints_pin_every_declared_dependency_once_and_exactly():
    found = [canonicalize_name(pin.name) for pin in pins()]
    assert len(found) == len(set(found))
    assert set(declared()) <= set(found)
    assert "merc" not in found
    for pin in pins():
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert "+" not in specifier.version, f"{pin}: a local version exists on one index only"


def test_constraints_satisfy_what_is_declared():
    versions = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins()}
    for text in project()["project"]["dependencies"]:
        requirement = Requirement(text)
        assert versions[canonicalize_name(requirement.name)] in requirement.specifier, text


def test_the_citation_names_the_paper_and_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == project()["project"]["version"]
    assert citation["license"] == project()["project"]["license"]
    (paper,) = citation["references"]
    assert paper["authors"][0]["family-names"] == "Zhu"
    assert paper["identifiers"][0]["value"] == "arXiv:2411.10060"
