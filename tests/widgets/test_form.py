"""The form says what the settings say, no more and no less."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QLineEdit, QSpinBox

from napari_focusqc.errors import SettingsError
from napari_focusqc.geometry import Region
from napari_focusqc.settings.fine_tuning import FineTuning
from napari_focusqc.settings.scoring import ScoreSettings
from napari_focusqc.widgets.form import SettingsForm

MODELS = [("FocusLiteNN", "focuslitenn"), ("Another", "another")]


@pytest.fixture
def form(qtbot: Any) -> SettingsForm[ScoreSettings]:
    made = SettingsForm(ScoreSettings, {"model": MODELS})
    qtbot.addWidget(made)
    return made


def test_an_untouched_form_gives_the_defaults(form: SettingsForm[ScoreSettings]) -> None:
    assert form.settings() == ScoreSettings()


def test_every_field_has_its_label_and_help(form: SettingsForm[ScoreSettings]) -> None:
    labels = {label.text(): label.toolTip() for label in form.findChildren(QLabel)}
    for option in fields(ScoreSettings):
        if option.metadata.get("hidden"):
            with pytest.raises(KeyError):
                form.widget(option.name)
            continue
        assert option.metadata["help"] in labels[option.metadata["label"]]
        assert option.metadata["help"] in form.widget(option.name).toolTip()


def test_ranges_and_choices_are_the_settings_own(form: SettingsForm[ScoreSettings]) -> None:
    for option in fields(ScoreSettings):
        if option.metadata.get("hidden"):
            continue
        widget = form.widget(option.name)
        if isinstance(widget, QSpinBox | QDoubleSpinBox):
            assert widget.minimum() == option.metadata["minimum"]
            assert widget.maximum() == option.metadata["maximum"]
        if "choices" in option.metadata:
            assert isinstance(widget, QComboBox)
            shown = tuple(widget.itemData(n) for n in range(widget.count()))
            assert shown == option.metadata["choices"]


def test_advanced_fields_are_folded_away(qtbot: Any, form: SettingsForm[ScoreSettings]) -> None:
    form.show()
    qtbot.waitExposed(form)
    for option in fields(ScoreSettings):
        if not option.metadata.get("hidden"):
            folded = form.widget(option.name).visibleRegion().isEmpty()
            assert folded == bool(option.metadata.get("advanced"))


def test_what_is_typed_arrives(form: SettingsForm[ScoreSettings], tmp_path: Path) -> None:
    region = Region(1, 2, 3, 4)
    for name, text in {"mpp": "0,499", "threshold": " -2.5 "}.items():
        line = form.widget(name)
        assert isinstance(line, QLineEdit)
        line.setText(text)
    form.widget("model").setCurrentIndex(1)
    form.widget("batch").setValue(64)
    form.widget("min_tissue").setValue(0.5)
    form.widget("weights").findChild(QLineEdit).setText(str(tmp_path / "w.pt"))
    assert form.settings(region=region) == ScoreSettings(
        model="another",
        mpp=0.499,
        threshold=-2.5,
        batch=64,
        min_tissue=0.5,
        weights=tmp_path / "w.pt",
        region=region,
    )


def test_the_form_of_fine_tuning_says_what_its_fields_say(qtbot: Any) -> None:
    given = {"model": "micronet", "weights": None, "device": "cpu"}
    made = SettingsForm(FineTuning, without=given)
    qtbot.addWidget(made)
    assert made.settings(**given) == FineTuning(device="cpu")
    with qtbot.waitSignal(made.changed, timeout=1000):
        made.widget("name").setText(" mine\t")
    made.put("learning_rate", 2.5e-5)
    expected = FineTuning(device="cpu", name="mine", learning_rate=2.5e-5)
    assert made.settings(**given) == expected
    for name in given:
        with pytest.raises(KeyError):
            made.widget(name)


@pytest.mark.parametrize("text", ["x", "1 2", "0.2.5", "0x1"])
def test_what_is_no_number_is_refused(form: SettingsForm[ScoreSettings], text: str) -> None:
    form.widget("mpp").setText(text)
    with pytest.raises(SettingsError, match="must be a number such as 0.25"):
        form.settings()


def test_put_shows_a_value_and_tells_nobody(qtbot: Any, form: SettingsForm[ScoreSettings]) -> None:
    with qtbot.assertNotEmitted(form.changed):
        form.put("mpp", 0.25)
        form.put("device", "cuda")
    assert (form.settings().mpp, form.settings().device) == (0.25, "cuda")
    with qtbot.waitSignal(form.changed, timeout=1000):
        form.widget("mpp").setText("0.5")
