"""An engine that is not installed is named in one line."""

import pytest

from tocsin.integrations.installed import need


def test_an_engine_that_is_not_installed_is_named_with_the_command() -> None:
    with pytest.raises(ImportError) as caught:
        need("jacquard_loom", "jacquard-loom>=3")
    assert str(caught.value) == (
        "tocsin.integrations.jacquard_loom needs jacquard_loom, which is not installed: pip install 'jacquard-loom>=3'"
    )
    need("json", "json")
