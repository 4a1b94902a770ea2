"""Both backends give the same, of CMATH's fusions and reconstructions; see `inference.agreement`."""

import pytest

from inference.agreement import assert_both_agree, models_of


@pytest.mark.parametrize("name", models_of("fusion"))
def test_both_backends_agree(name, with_graphs, make_network, make_samples, tiny_recipe, tmp_path):
    assert_both_agree(name, make_network, make_samples, tiny_recipe, tmp_path)
