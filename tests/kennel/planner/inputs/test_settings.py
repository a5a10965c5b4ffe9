"""Settings read from the template, and changed by parameters."""

from kennel.paths import TEMPLATE
from kennel.planner.inputs.settings import PARAMETERS, PlanSettings, read_template


def test_the_template_s_own_defaults_are_planned_with() -> None:
    settings = read_template(TEMPLATE)
    assert (settings.reserved, settings.minimum, settings.maximum) == (5, 1, 5)
    assert (settings.in_cooldown, settings.out_cooldown, settings.memory_mb) == (30, 30, 1769)
    assert set(settings.overrides()) == set(PARAMETERS)
    assert settings.with_parameters(settings.overrides()) == settings


def test_parameters_to_paste_have_all_their_digits() -> None:
    settings = PlanSettings(quota=5_403_000, rate=2.5)
    pasted = settings.overrides()
    assert (pasted["DailyQuota"], pasted["RateLimit"]) == ("5403000", "2.5")
    assert settings.with_parameters(pasted) == settings
