"""Downloads from a model hub: what fails is one line, and nothing half-written is taken for a model later."""

import socket

import pytest

from hub_server import COMMIT, loopback_hub
from merc.encoders.registry import resolve
from merc.errors import FeatureError, RunError
from merc.files.hub import HubError, hub_folder
from merc.inference.loading import load

REPO = "someone/small"
FILES = {"config.json": b"{}", "notes.txt": b"unasked", "model.safetensors": bytes(range(200))}
WANTED = ("config.json", "*.safetensors")
FAULTS = {
    "404": "there is no such model, or it is private; check the name, or set HF_TOKEN",
    "401": "there is no such model, or it is private; check the name, or set HF_TOKEN",
    "403": "access to it is refused; ask for it on the model's page, then set HF_TOKEN",
    "500": "the server answers with status 500; try again later, or give a folder",
    "slow": "the server does not answer in time; try again later, or give a folder",
    "page": "the download broke off (",
    "list": "the server's answer is not that of a model hub; try again later, or give a folder",
    "null": "the server's answer is not that of a model hub; try again later, or give a folder",
    "broken": "the download broke off (",
}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with loopback_hub(REPO, dict(FILES), tmp_path / "cache", monkeypatch) as hub:
        yield hub


def refused(download):
    with pytest.raises(HubError) as caught:
        download()
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_what_is_asked_for_is_downloaded_once_and_announced(hub, tmp_path):
    with pytest.warns(UserWarning) as announced:
        folder = hub_folder(REPO, WANTED)
    assert [str(one.message) for one in announced] == [
        f"downloading {REPO} (0.0 MB) from {hub.address}, to be kept in {tmp_path / 'cache'}"
    ]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        name: FILES[name] for name in FILES if name != "notes.txt"
    }
    hub.asked.clear()
    assert hub_folder(REPO, WANTED) == folder == hub_folder(REPO, WANTED, revision=COMMIT)  # warnings are errors here
    assert not any("resolve" in path for path in hub.asked)
    hub.asked.clear()
    assert hub_folder(REPO, WANTED, local_files_only=True) == folder
    assert hub.asked == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.filterwarnings("ignore:downloading")
def test_every_failure_is_one_line_and_leaves_no_half_model(hub, fault, capfd):
    hub.fault = fault
    assert refused(lambda: hub_folder(REPO, WANTED)).startswith(FAULTS[fault])
    assert "in the cache, at least not whole" in refused(lambda: hub_folder(REPO, WANTED, local_files_only=True))
    assert capfd.readouterr().err == ""
    hub.fault = ""
    assert (hub_folder(REPO, WANTED) / "model.safetensors").read_bytes() == FILES["model.safetensors"]


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "broken"])
@pytest.mark.filterwarnings("ignore:downloading")
def test_what_the_cache_has_whole_is_used_where_the_hub_fails(hub, fault):
    folder = hub_folder(REPO, WANTED)
    hub.fault = fault
    assert hub_folder(REPO, WANTED) == folder


def test_a_hub_that_is_not_there_is_asked_once(hub, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: pytest.fail("waits to try again"))
    told = refused(lambda: hub_folder(REPO, WANTED))
    assert told.startswith("the server can't be reached (") and told.endswith("); check the network, or give a folder")


def test_a_network_that_is_switched_off_is_not_asked(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert refused(lambda: hub_folder(REPO, WANTED)).endswith("at least not whole, and the network is switched off")
    assert hub.asked == []


def test_a_name_that_the_hub_can_not_have(hub):
    assert refused(lambda: hub_folder("a name with blanks", WANTED)).startswith("it is no name of a model there: ")


def test_warnings_that_are_errors_stop_the_download(hub):
    with pytest.raises(UserWarning, match="downloading"):
        hub_folder(REPO, WANTED)
    assert not any("resolve" in path for path in hub.asked)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.filterwarnings("ignore:downloading")
def test_models_and_encoders_name_what_could_not_be_had(hub, fault):
    hub.fault = fault
    for kind, attempt in ((RunError, load), (FeatureError, resolve)):
        with pytest.raises(kind, match="and it can't be had from the Hugging Face Hub: ") as caught:
            attempt(REPO)
        assert REPO in str(caught.value) and FAULTS[fault] in str(caught.value) and str(caught.value).isprintable()
