"""Downloads, against a server on this machine that can misbehave. All files are invented."""

import hashlib
import os
import sys
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from file_server import serving
from merc.data.corpora.fetch import PUBLISHED, PublishedFiles, fetch
from merc.errors import DataError, MissingExtraError

DATA = Path(os.environ.get("MERC_DATA", Path(__file__).resolve().parents[3] / "../shared/data"))
CONTENT = {"/v1/rows.csv": b"id,text\r\n1,hello\r\n" * 500, "/LICENSE": b"do as you please\n"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(CONTENT) as running:
        yield running


def home(server: ThreadingHTTPServer, prefix: str = "") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{prefix}"


def sources(server: ThreadingHTTPServer, wrong: str = "") -> dict[str, PublishedFiles]:
    files = {path[1:]: "0" * 64 if path == wrong else hashlib.sha256(body).hexdigest() for path, body in CONTENT.items()}
    return {"toy": PublishedFiles(home(server), files)}


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_files_arrive_whole_and_progress_is_told(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    told: list[tuple[str, float, float | None]] = []
    paths = fetch("toy", tmp_path / "new" / "toy", progress=lambda *step: told.append(step), published=sources(server))
    assert [p.name for p in paths] == ["rows.csv", "LICENSE"]
    assert [p.read_bytes() for p in paths] == list(CONTENT.values())
    assert left(tmp_path / "new" / "toy") == {"rows.csv", "LICENSE"}
    assert told == [("files", 1, 2), ("files", 2, 2)]


def test_what_is_there_already_is_not_fetched_again(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    fetch("toy", tmp_path, published=sources(server))
    server.requests.clear()  # type: ignore[attr-defined]
    fetch("toy", tmp_path, published=sources(server))
    (tmp_path / "LICENSE").unlink()
    fetch("toy", tmp_path, published=sources(server))
    assert server.requests == ["/LICENSE"]  # type: ignore[attr-defined]


def test_a_mirror_replaces_the_home(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    elsewhere = {"toy": PublishedFiles("http://127.0.0.1:9", sources(server)["toy"].files)}
    assert len(fetch("toy", tmp_path, home(server) + "/", published=elsewhere)) == 2


def test_wrong_checksum_names_file_expected_and_found(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    found = hashlib.sha256(CONTENT["/v1/rows.csv"]).hexdigest()
    with pytest.raises(DataError, match=rf"v1/rows\.csv: .*expected {'0' * 64} but got {found}\. .*Nothing was saved"):
        fetch("toy", tmp_path, published=sources(server, wrong="/v1/rows.csv"))
    assert left(tmp_path) == set()


def test_a_later_failure_keeps_the_files_before_it(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="LICENSE"):
        fetch("toy", tmp_path, published=sources(server, wrong="/LICENSE"))
    assert left(tmp_path) == {"rows.csv"}


def test_a_file_of_other_content_is_not_overwritten(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("mine")
    with pytest.raises(DataError, match=r"rows\.csv is there already with another content"):
        fetch("toy", tmp_path, published=sources(server))
    assert (tmp_path / "rows.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("prefix", "said"),
    [("/missing", "download failed: HTTPError: 404"), ("/cut", "download failed"), ("/hangup", "download failed")],
)
def test_failures_of_the_network_leave_nothing(server: ThreadingHTTPServer, tmp_path: Path, prefix: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        fetch("toy", tmp_path, home(server, prefix), published=sources(server))
    assert "rows.csv" in str(caught.value) and "\n" not in str(caught.value)
    assert left(tmp_path) == set()


def test_no_server_at_all(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="download failed"):
        fetch("toy", tmp_path, "http://127.0.0.1:9", published=sources(server))
    assert left(tmp_path) == set()


def test_unwritable_place(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="can't be written"):
        fetch("toy", tmp_path / "file", published=sources(server))


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown corpus 'iemocap'; those that can be fetched: meld"):
        fetch("iemocap", tmp_path)
    with pytest.raises(DataError, match="allowed are http"):
        fetch("meld", tmp_path, "file:///etc")


def test_missing_pooch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingExtraError, match=r"merc\[download\]"):
        fetch("meld", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(not (DATA / "meld").is_dir(), reason="real data: MERC_DATA or ../shared/data holds no meld")
def test_melds_checksums_are_those_of_the_copy_at_hand() -> None:
    for path, sha256 in PUBLISHED["meld"].files.items():
        assert hashlib.sha256((DATA / "meld" / Path(path).name).read_bytes()).hexdigest() == sha256
