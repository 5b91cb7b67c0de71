"""Every way in, for a moment: the corpus first, then cases that nobody has tried."""

from __future__ import annotations

import pytest

from tests.hostile.campaign import Campaign
from tests.hostile.scale import chosen
from tests.hostile.ways import WAYS


@pytest.mark.parametrize("name", WAYS)
def test_nothing_that_is_said_does_harm(name: str) -> None:
    scale = chosen()
    campaign = Campaign(WAYS[name](), scale)
    print(f"{name}: PUFFPY_FUZZ_SEED={scale.seed}, {scale.seconds:g} s")  # noqa: T201  to begin there again
    campaign.run()
    print(f"{campaign.played} cases, {campaign.messages} messages, {campaign.kept} led on")  # noqa: T201  as above
    assert campaign.played > 10
