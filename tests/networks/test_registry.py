"""Networks by name: all that the package has, found without torch; what a package offers; and what is wrong, in one line."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from merc.errors import RecipeError
from merc.networks import registry
from merc.networks.registry import BUILT_IN, NetworkConfig, network_class, network_config, network_names, register_network

NETWORKS = Path(registry.__file__).parent
OFFERED = """
from merc.networks.registry import NetworkConfig

class {title}Config(NetworkConfig):
    name: str = "{name}"
    width: int = 4

    def build(self, widths, classes):
        raise NotImplementedError
"""


@pytest.fixture
def registered(monkeypatch):
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    return registry._registered


@pytest.fixture
def offer(tmp_path, monkeypatch, registered):
    """Installs a package of one module that offers a network by an entry point."""
    monkeypatch.syspath_prepend(tmp_path)

    def offer(package, name, source, value=None):
        (tmp_path / f"{package}.py").write_text(source)
        metadata = tmp_path / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[merc.networks]\n{name} = {value or package}\n")
        importlib.invalidate_caches()

    yield offer
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def declared_in_source():
    """Name -> module of every config that some file of the package registers."""
    found = {}
    for path in NETWORKS.rglob("*.py"):
        for name in re.findall(
            r'^@register_network\nclass \w+\(\w+Config\):.*?^    name: str = "(\w+)"', path.read_text(), re.M | re.S
        ):
            found[name] = ".".join(("merc.networks", *path.relative_to(NETWORKS).with_suffix("").parts))
    return found


def test_every_network_of_the_package_is_listed_and_no_other():
    assert dict(BUILT_IN) == declared_in_source()
    assert network_names()[: len(BUILT_IN)] == tuple(BUILT_IN)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_name_leads_to_its_config_and_back(name):
    config = network_config({"name": name})
    assert type(config) is network_class(name)
    assert config.model_dump()["name"] == name
    assert network_config(config.model_dump(mode="json")) == config


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_causal_network_says_so(name):
    assert not network_config({"name": name}).is_causal
    if "attention" in network_class(name).model_fields and name != "dialogue_rnn":  # whose attention is on or off
        assert network_config({"name": name, "attention": {"causal": True}}).is_causal


def test_listing_networks_and_refusing_one_imports_no_torch():
    program = """
import sys
from merc.networks.registry import network_config, network_names
names = network_names()
try:
    network_config({"name": "nobody"})
except ValueError as error:
    assert all(name in str(error) for name in names), error
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_decorated_config_is_a_network_and_defining_it_again_replaces_it(registered):
    def define(width):
        @register_network
        class Mine(NetworkConfig):
            name: str = "mine"
            size: int = width

            def build(self, widths, classes):
                raise NotImplementedError

        return Mine

    assert "mine" not in network_names()
    first, second = define(3), define(5)
    assert network_class("mine") is second is not first
    assert network_config({"name": "mine"}).size == 5
    assert network_names() == (*BUILT_IN, "mine")
    with pytest.raises(RecipeError, match=r"^model\.sise: unknown key; did you mean model\.size\? allowed in model: name, size$"):
        network_config({"name": "mine", "sise": 1})
    with pytest.raises(ValueError, match="name is 'other'; a Mine has the name 'mine'"):
        second(name="other")


def test_a_name_is_given_once(registered):
    def build(self, widths, classes):
        raise NotImplementedError

    def config(title, **fields):
        annotations = {"name": str}
        return type(NetworkConfig)(
            title, (NetworkConfig,), {"__annotations__": annotations, "__module__": "x", "build": build, **fields}
        )

    register_network(config("Mine", name="mine"))
    with pytest.raises(ValueError, match="network 'mine' is registered already, by x; Another needs another name"):
        register_network(config("Another", name="mine"))
    with pytest.raises(ValueError, match=r"network 'sdt' is registered already, by merc\.networks\.rivals\.sdt; SDTConfig needs"):
        register_network(config("SDTConfig", name="sdt"))
    with pytest.raises(ValueError, match="Nameless: its name has no default"):
        register_network(config("Nameless"))


@pytest.mark.parametrize("decorated", [False, True])
@pytest.mark.parametrize("by_module", [False, True])
def test_a_package_offers_a_network_by_an_entry_point(offer, decorated, by_module):
    source = OFFERED.format(title="Offered", name="offered")
    if decorated:
        source = source.replace("\nclass", "\nfrom merc.networks.registry import register_network\n@register_network\nclass")
    offer("offering", "offered", source, value=None if by_module else "offering:OfferedConfig")
    assert "offered" in network_names()
    assert "offering" not in sys.modules, "a list of names imports nothing"
    if by_module and not decorated:
        with pytest.raises(
            RecipeError, match=r"model\.name: network 'offered': entry point 'offering' of offering can't be loaded"
        ):
            network_config({"name": "offered"})
    else:
        assert network_config({"name": "offered", "width": 7}).width == 7


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module", r"can't be loaded \(ModuleNotFoundError: No module named 'no_such_module'\)"),
        ("raise SystemError('two\\nlines')", r"can't be loaded \(SystemError: two lines\)"),
        ("x = (", r"can't be loaded \(SyntaxError: "),
        ("", r"can't be loaded \(AttributeError: .*OfferedConfig"),
        ("class OfferedConfig: pass", r"can't be loaded \("),
        (OFFERED.format(title="Offered", name="sdt"), r"can't be loaded \(ValueError: network 'sdt' is registered already"),
        (OFFERED.format(title="Offered", name="other"), "gives a network of another name"),
    ],
)
def test_a_broken_package_is_named_in_one_line_and_hinders_no_other_network(offer, source, reason):
    offer("broken", "offered", source, "broken:OfferedConfig")
    with pytest.raises(
        RecipeError, match=f"model.name: network 'offered': entry point 'broken:OfferedConfig' of broken {reason}"
    ) as caught:
        network_config({"name": "offered"})
    assert "\n" not in str(caught.value)
    assert network_config({"name": "majority"}).name == "majority"


def test_two_packages_with_one_name_are_both_named(offer):
    offer("one", "offered", OFFERED.format(title="One", name="offered"), "one:OneConfig")
    offer("two", "offered", OFFERED.format(title="Two", name="offered"), "two:TwoConfig")
    with pytest.raises(RecipeError, match=r"offered by several packages: 'one:OneConfig' of one, 'two:TwoConfig' of two"):
        network_config({"name": "offered"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"name": "early-fusion"},
            r"^here\.name: no network is registered as 'early-fusion'; did you mean 'early_fusion'\? there are cmath, ",
        ),
        ({"name": "%%"}, r"^here\.name: no network is registered as '%%'; there are cmath, "),
        ({}, r"^here\.name: the name of a network is missing \(found None\); allowed: cmath, "),
        ({"name": ["sdt"]}, r"^here\.name: .*found \['sdt'\]"),
        ([1], r"^here: a network's config is a mapping of keys to values \(found \[1\]\)$"),
        ({"name": "sdt", "heads": 0, "width": "x"}, r"^here\.width: .*found 'x'.*; here\.heads: .*found 0"),
        ({"name": "sdt", "width": 7, "heads": 2}, r"^here: width 7 is not a multiple of heads 2$"),
        (
            {"name": "early_fusion", "attention": {"head": 1}},
            r"^here\.attention\.head: unknown key; did you mean here\.attention\.heads\? ",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_stands_in_one_line(values, message):
    with pytest.raises(RecipeError, match=message) as caught:
        network_config(values, "here")
    assert "\n" not in str(caught.value)


def test_a_saved_cmath_that_is_older_than_some_keys_means_what_it_was_made_with():
    older = {"name": "cmath", "width": 64, "tower": {"layers": 2}, "fusion": {"kind": "concat", "latent": 8}}
    found = network_config(older, saved=True)
    assert found.tower.reading == "shared" and found.tower.layers == 2
    assert (found.fusion.kind, found.fusion.latent, found.fusion.detached, found.fusion.offset_hidden) == ("concat", 8, False, 64)
    bare = network_config({"name": "cmath"}, saved=True)
    assert (bare.tower.reading, bare.fusion.kind, bare.fusion.offset_hidden) == ("shared", "pool", 128)
    newer = network_config(network_config({"name": "cmath"}).model_dump(mode="json"), saved=True)
    assert newer == network_config({"name": "cmath"})
    with pytest.raises(RecipeError, match=r"model\.fusion"):
        network_config({"name": "cmath", "fusion": 3}, saved=True)
