"""YAML: repeated keys and half-valid values are errors of one kind, and nothing but plain values comes out."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import nesting
from merc.files.strict_yaml import load_yaml

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_what_was_written_is_read(value):
    assert load_yaml(yaml.safe_dump(value)) == value


@pytest.mark.parametrize(
    "text", ["a: 1\na: 2", "a:\n  b: 1\n  c: 2\n  b: 3", "- {x: 1, x: 1}", "{a: 1, 'a': 2}", "outer: [{k: 1}, {k: 1, k: 2}]"]
)
def test_a_repeated_key_is_an_error_at_any_depth(text):
    with pytest.raises(yaml.YAMLError, match="occurs more than once"):
        load_yaml(text)


def test_the_same_key_in_two_places_is_none():
    assert load_yaml("a: {x: 1}\nb: {x: 2}") == {"a": {"x": 1}, "b": {"x": 2}}


@pytest.mark.parametrize(
    "text",
    ["a: [", "a: 'b", "\tx: 1", "a: *nobody", "!!python/object/apply:os.getpid []", "!unknown x", "{[1]: 2}", "a: b: c"],
)
def test_invalid_yaml_is_a_yaml_error(text):
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)


@pytest.mark.parametrize("text", ["when: 2024-13-45", "!!int x", "!!float y", "!!bool maybe", "!!timestamp z", "n: " + "9" * 5000])
def test_values_that_are_none_of_their_kind_are_yaml_errors_too(text):
    with pytest.raises(yaml.YAMLError):
        load_yaml(text)


def test_what_is_nested_too_deep_is_a_yaml_error_too():
    load_yaml(nesting.LISTS)
    with nesting.few_calls(), pytest.raises(yaml.YAMLError, match="RecursionError"):
        load_yaml(nesting.LISTS)
