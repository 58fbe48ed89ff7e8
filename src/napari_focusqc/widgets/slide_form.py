"""A form of settings for one slide: which layer, what is known of it, all of it or the view.

Room: widgets. Asks `plugin.slide_of_layer` for the slide; starts nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from napari.viewer import Viewer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLabel, QLineEdit

from napari_focusqc.errors import FocusQCError, NotASlideError
from napari_focusqc.geometry import Region
from napari_focusqc.plugin.slide_of_layer import slide_of_layer
from napari_focusqc.slides.slide import Slide
from napari_focusqc.widgets.form import Choices, SettingsForm
from napari_focusqc.widgets.layer_choice import SlideLayerChoice
from napari_focusqc.widgets.run import attempt
from napari_focusqc.widgets.view import region_in_view

S = TypeVar("S")


@dataclass(frozen=True)
class Request(Generic[S]):
    """What the form asks for, ready to run."""

    layer: Any
    slide: Slide
    settings: S


class SlideForm(SettingsForm[S]):
    """The fields of settings that have an `mpp` and a `region`, below the slide they are for.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    settings, choices, without
        As in `SettingsForm`.
    """

    slide_changed = Signal()
    """Another slide is chosen, or none, or its lengths are others."""

    def __init__(
        self,
        viewer: Viewer,
        settings: type[S],
        choices: Mapping[str, Choices] | None = None,
        without: Collection[str] = (),
    ) -> None:
        super().__init__(settings, choices, without)
        self._viewer = viewer
        self._given_mpp: dict[str, str] = {}
        self.layer_choice = SlideLayerChoice(viewer)
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        self.where = QComboBox()
        self.where.addItem("Whole slide", "whole")
        self.where.addItem("Visible region", "visible")
        self.where.setToolTip(
            "<qt>Everything, or only what the canvas shows now; what is found in a part is what "
            "a run over everything finds there.</qt>"
        )
        self.insert(0, "Slide", self.layer_choice)
        self.insert(1, "", self.facts)
        self.insert(2, "Where", self.where)
        self.layer_choice.changed.connect(self._on_slide_changed)
        self.layer_choice.lengths_changed.connect(self._on_slide_changed)
        self._mpp_line.textChanged.connect(self._on_mpp_typed)
        self._on_slide_changed()

    @property
    def _mpp_line(self) -> QLineEdit:
        line: QLineEdit = self.widget("mpp")
        return line

    def request(self) -> Request[S]:
        """Read the form.

        Raises
        ------
        FocusQCError
            There is no slide, a value is wrong, or nothing of the slide is in view.
        """
        layer = self.layer_choice.layer
        if layer is None:
            raise NotASlideError("no slide is open; open one, or drop one on the window")
        slide = slide_of_layer(layer)
        region = self.in_view(layer, slide) if self.where.currentData() == "visible" else None
        return Request(layer, slide, self.settings(region=region))

    def in_view(self, layer: Any, slide: Slide) -> Region:
        """Return the level-0 region of a slide that the canvas shows.

        Raises
        ------
        RegionError
            See `region_in_view`.
        """
        return region_in_view(self._viewer, layer, slide.shape)

    def let_go(self) -> None:
        """Hear no more of the viewer."""
        self.layer_choice.let_go()

    def _on_slide_changed(self) -> None:
        """Say what is known of the chosen slide, and ask for its µm/px where it is not."""
        self.put("mpp", None)
        self._mpp_line.setPlaceholderText("")
        self.facts.setText(self._facts())
        self.slide_changed.emit()

    def _facts(self) -> str:
        layer = self.layer_choice.layer
        if layer is None:
            return "Open a slide, or drop one on the window, to begin."
        slide = attempt(partial(slide_of_layer, layer))
        if isinstance(slide, FocusQCError):
            return str(slide)
        height, width = slide.shape
        known = "µm/px not known" if slide.mpp is None else f"{slide.mpp:.4g} µm/px"
        notes = "".join(f"\n{note[:1].upper()}{note[1:]}." for note in slide.info.notes)
        self._mpp_line.setText(self._given_mpp.get(str(layer.unique_id), ""))
        hint = "needed, for instance 0.25" if slide.mpp is None else f"{slide.mpp:.4g}, as opened"
        self._mpp_line.setPlaceholderText(hint)
        return f"{slide.info.format}, {width:,} × {height:,} px, {known}{notes}"

    def _on_mpp_typed(self, text: str) -> None:
        """Remember the µm/px typed for this slide."""
        if self.layer_choice.layer is not None:
            self._given_mpp[str(self.layer_choice.layer.unique_id)] = text
