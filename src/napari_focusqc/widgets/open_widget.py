"""The dock widget “Open slide…”: see what a slide is, correct its lengths, open it as one layer.

Room: widgets. Reads the form, starts one reading or opening at a time, adds one layer.
"""

from functools import partial
from pathlib import Path
from typing import Any

from napari.layers import Layer
from napari.viewer import Viewer
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_focusqc.errors import FocusQCError
from napari_focusqc.plugin.opened import (
    OpenRequest,
    file_behind,
    layer_of_file,
    open_layer,
    show_colours,
)
from napari_focusqc.plugin.placing import LayerData
from napari_focusqc.plugin.slide_card import SlideCard, card_of_slide, read_card, read_private
from napari_focusqc.plugin.slide_of_layer import slide_of_layer
from napari_focusqc.widgets.card_view import CardView
from napari_focusqc.widgets.dock import BUTTON_STYLE, Docked, scrolled
from napari_focusqc.widgets.file_choice import FileChoice, dropped_path
from napari_focusqc.widgets.form import form_layout, label_of
from napari_focusqc.widgets.layer_choice import SlideLayerChoice
from napari_focusqc.widgets.micrometres import give_micrometres
from napari_focusqc.widgets.run import Job, attempt
from napari_focusqc.widgets.run_panel import RunPanel

WIDTH_PX = 390
"""Wide enough for the longest line, and for a scroll bar beside it."""

WELCOME = "Pick a slide, or drop one here: it is looked at first, and opened by the button."


class OpenWidget(Docked):
    """Pick a file or a layer, see its card, open or correct it.

    Parameters
    ----------
    viewer
        Given by napari, by the annotation.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._to_say = ""
        self._path = Path()
        self.source = SlideLayerChoice(viewer, other="a file")
        self.file = FileChoice()
        self.welcome = QLabel(WELCOME)
        self.card = CardView()
        self.open_button = QPushButton("Open")
        self.apply_button = QPushButton("Apply")
        self.anew_button = QPushButton("Open the file anew, lazily")
        self.run = RunPanel()
        self._lay_out()
        self._connect()
        self.setAcceptDrops(True)
        self._refresh_buttons()

    def _lay_out(self) -> None:
        self.source.setToolTip(
            "<qt>A file, or a slide that is open already, whichever reader opened it: any 8-bit "
            "colour image in the layer list.</qt>"
        )
        self.open_button.setToolTip(
            "<qt>Add the slide as one layer. A file that is open already is not opened twice: its "
            "layer is selected, and takes the lengths typed and the colours chosen here.</qt>"
        )
        self.apply_button.setToolTip(
            "<qt>Give the layer these lengths. Focus maps and nuclei on it move with it; others "
            "stay where they are.</qt>"
        )
        self.anew_button.setToolTip(
            "<qt>Look at the layer's file here: this reader loads only what is in view.</qt>"
        )
        self.welcome.setWordWrap(True)
        self.open_button.setStyleSheet(BUTTON_STYLE)
        self.apply_button.setStyleSheet(BUTTON_STYLE)
        choices, rows = QWidget(), form_layout()
        rows.addRow(label_of("From", self.source), self.source)
        choices.setLayout(rows)
        shown = (self.file, self.welcome, self.card, self.anew_button, self.apply_button)
        scrolled((choices, *shown, self.open_button, self.run), QVBoxLayout(self))
        self.setMinimumWidth(WIDTH_PX)

    def _connect(self) -> None:
        self.source.changed.connect(self._on_source_changed)
        self.source.lengths_changed.connect(self._look)
        self.file.picked.connect(self._on_picked)
        self.card.label_wanted.connect(self._on_label_wanted)
        self.open_button.clicked.connect(self._on_open)
        self.apply_button.clicked.connect(self._on_apply)
        self.anew_button.clicked.connect(self._on_anew)
        self.run.running_changed.connect(self._refresh_buttons)

    def _refresh_buttons(self, _running: bool = False) -> None:
        """Offer what can be done with what is shown."""
        layer = self.source.layer
        ready = self.card.card is not None and not self.run.running
        self.file.setVisible(layer is None)
        self.welcome.setVisible(layer is None and self.card.card is None and not self.run.running)
        self.open_button.setVisible(layer is None)
        self.apply_button.setVisible(layer is not None)
        self.anew_button.setVisible(layer is not None and file_behind(layer) is not None)
        self.open_button.setEnabled(ready)
        self.apply_button.setEnabled(ready)
        self.card.setEnabled(not self.run.running)

    def _on_picked(self, _path: str) -> None:
        """Look at a file, whatever was looked at before."""
        if self.source.layer is None:
            self._on_source_changed()
        else:
            self.source.choose_other()

    def _on_source_changed(self) -> None:
        self._to_say = ""
        self._look()

    def _look(self) -> None:
        """Read the card of what is chosen, and forget the one before."""
        self.run.abandon()
        self._clear()
        self.run.say("")
        layer, path = self.source.layer, self.file.path
        if layer is not None:
            slide = attempt(partial(slide_of_layer, layer))
            if isinstance(slide, FocusQCError):
                self.run.refuse(slide)
            else:
                self._read(slide.name, partial(card_of_slide, slide))
        elif path is not None:
            self._path = path
            self._read(path.name, partial(read_card, path))

    def _read(self, name: str, work: Any) -> None:
        self.run.start(
            Job(
                name=f"looking at {name}",
                work=work,
                done=self._show_card,
                stopped=self._clear,
            )
        )

    def _show_card(self, card: SlideCard) -> None:
        self.card.show_card(card, opens=self.source.layer is None)
        self._refresh_buttons()
        self.run.say(self._to_say)

    def _clear(self) -> None:
        self.card.clear()
        self._refresh_buttons()

    def _on_label_wanted(self, wanted: bool) -> None:
        """Decode the label now that it is asked for; take it away when it is not."""
        card = self.card.card
        if not wanted or card is None or card.path is None:
            self.card.show_label(None)
            return
        self.run.start(
            Job(
                name=f"reading the label of {card.name}",
                work=partial(read_private, card.path),
                done=self.card.show_label,
                stopped=partial(self.card.show_label, None),
            )
        )

    def _on_open(self) -> None:
        request = attempt(self._request)
        if isinstance(request, FocusQCError):
            self.run.refuse(request)
            return
        layer = layer_of_file(self._viewer.layers, request.path)
        if layer is not None:
            self._try(partial(self._show_again, layer, request))
            return
        self.run.start(
            Job(
                name=f"opening {request.path.name}",
                work=partial(open_layer, request),
                done=self._on_opened,
            )
        )

    def _request(self) -> OpenRequest:
        """Read the form.

        Raises
        ------
        SettingsError
            A length is no number.
        """
        card = self.card
        return OpenRequest(self._path, card.mpp, card.z_step_um, bool(card.srgb_box.isChecked()))

    def _on_opened(self, opened: LayerData) -> None:
        self._try(partial(self._add, opened))

    def _add(self, opened: LayerData) -> None:
        """Add the layer; napari shows the whole of the first one by itself."""
        layer = self._viewer.add_layer(Layer.create(*opened))
        self._viewer.layers.selection.active = layer
        self._show_scale_bar(layer)
        self.run.say(f"Opened as the layer “{layer.name}”.")

    def _show_again(self, layer: Any, request: OpenRequest) -> None:
        """Select the layer of a file that is open already, and show it as it is asked for."""
        show_colours(layer, srgb=request.srgb)
        if request.mpp is not None or request.z_step_um is not None:
            give_micrometres(self._viewer, layer, request.mpp, request.z_step_um)
        self._viewer.layers.selection.active = layer
        self._show_scale_bar(layer)
        self.run.say(f"It is open already, as the layer “{layer.name}”, which is selected now.")

    def _on_apply(self) -> None:
        self._try(partial(self._apply, self.source.layer))

    def _apply(self, layer: Any) -> None:
        """Give the chosen layer the lengths typed; its new scale brings its new card."""
        give_micrometres(self._viewer, layer, self.card.mpp, self.card.z_step_um)
        self._show_scale_bar(layer)
        self._to_say = f"“{layer.name}” has these lengths now."
        self._look()

    def _show_scale_bar(self, layer: Any) -> None:
        """Show the scale bar where it can say µm."""
        if slide_of_layer(layer).mpp is not None:
            self._viewer.canvas.overlays.scale_bar.visible = True

    def _on_anew(self) -> None:
        path = file_behind(self.source.layer)
        if path is not None:
            self.file.pick(path)

    def _try(self, call: Any) -> None:
        """Do something at once, or show its refusal."""
        refusal = attempt(call)
        if isinstance(refusal, FocusQCError):
            self.run.refuse(refusal)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take one file or folder; several are no slide."""
        if dropped_path(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Look at what was dropped; it is opened by the button."""
        path = dropped_path(event.mimeData())
        if path is not None:
            event.acceptProposedAction()
            self.file.pick(path)

    def let_go(self) -> None:
        """Stop reading and hear no more of the viewer."""
        self.run.abandon()
        self.source.let_go()
