"""How the panel was left."""

from __future__ import annotations

import pytest
from hdaemon_panel import view_state
from hdaemon_panel.view_state import ViewState


def test_remembered():
    assert view_state.load() == ViewState()
    new = view_state.changed(ViewState(), page=1, details=False, share_below=0.6)
    assert view_state.load() == new == ViewState(1, False, 0.6, ViewState().share_beside)


@pytest.mark.parametrize("value", ["", "x", "-1", "7", "nan", None])
def test_nonsense_is_as_if_there_was_nothing(value):
    settings = view_state._settings()
    for name in ("page", "details", "share_below", "share_beside"):
        settings.setValue(f"view/{name}", value)
    settings.sync()
    assert view_state.load() == ViewState()
