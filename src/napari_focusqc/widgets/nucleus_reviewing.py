"""Views that the user has checked nucleus by nucleus, and weights that learn from them.

Room: widgets. What a reviewed view is, and its file, is `annotation`'s; the learning is started by
the dock.
"""

from collections.abc import Generator
from typing import Any

from napari.layers import Layer
from napari.viewer import Viewer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_focusqc.annotation.reviewed_fields import (
    ReviewedFields,
    load_reviewed,
    reviewed_path,
    save_reviewed,
)
from napari_focusqc.annotation.reviewing import reviewed_view
from napari_focusqc.errors import AnnotationError
from napari_focusqc.geometry import Region
from napari_focusqc.plugin.nucleus_layers import frames_layer
from napari_focusqc.plugin.placing import fill_again
from napari_focusqc.progress import Progress
from napari_focusqc.settings.detecting import NucleusSettings
from napari_focusqc.settings.fine_tuning import FineTuning
from napari_focusqc.slides.slide import Slide
from napari_focusqc.widgets.form import SettingsForm
from napari_focusqc.widgets.nucleus_points import NucleusPoints

LEAST_FIELDS = 2
"""One to learn from, one to be measured on."""
GIVEN = ("model", "weights", "device")
"""Settings of fine-tuning that are those of the run it starts from."""


class ReviewPanel(QWidget):
    """Where the user says that a view is reviewed, and asks for weights that learn from it.

    Parameters
    ----------
    viewer
        Of napari, or napari's proxy of it.
    parent
        Qt's owner.
    """

    tune_wanted = Signal()

    def __init__(self, viewer: Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._points: NucleusPoints | None = None
        self._searched: Region | None = None
        self._frames: Any = None
        self._on: Any = None
        self.reviewed: ReviewedFields | None = None
        self.review_button = QPushButton("This view is reviewed")
        self.forget_button = QPushButton("Take back")
        self.tune_button = QPushButton("Fine-tune on my corrections")
        self.form = SettingsForm(FineTuning, without=GIVEN)
        self.counted = QLabel()
        self._help()
        self.counted.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        row = QGridLayout()
        row.addWidget(self.review_button, 0, 0)
        row.addWidget(self.forget_button, 0, 1)
        row.setColumnStretch(0, 1)
        layout.addLayout(row)
        for widget in (self.counted, self.form, self.tune_button):
            layout.addWidget(widget)
        self.tune_button.clicked.connect(self.tune_wanted)

    def _help(self) -> None:
        self.review_button.setToolTip(
            "<qt>Say that every nucleus in view has its point, and every point is a nucleus. The "
            "view gets a dashed frame and is kept in your data folder; weights can be fine-tuned "
            "on two views or more.</qt>"
        )
        self.forget_button.setToolTip("Forget the reviewed views that can be seen now")
        self.tune_button.setToolTip(
            "<qt>Train the weights above further on the reviewed views, hold some of them back, "
            "and say how well the nuclei there are found before and after. The new weights go into "
            "your weights folder and, if better, are chosen for the next run.</qt>"
        )

    def begin(self, points: NucleusPoints, on: Any, searched: Region | None) -> None:
        """Show the reviewed views of a slide.

        Parameters
        ----------
        points
            Its nuclei.
        on
            Its layer.
        searched
            Where nuclei were looked for, level-0 px; None is everywhere.

        Raises
        ------
        FocusQCError
            The slide's file of reviewed views cannot be read, or is of another plane or µm/px.
        """
        self._points, self._on, self._searched = points, on, searched
        self.reviewed = None
        self._show()
        source = points.found.source
        path = reviewed_path(source.slide)
        none = ReviewedFields(source.slide, source.mpp, source.plane)
        kept = load_reviewed(path) if path.is_file() else none
        if (kept.mpp, kept.plane) != (none.mpp, none.plane):
            raise AnnotationError(
                f"the views reviewed before are of plane {kept.plane} at {kept.mpp:g} µm/px; move "
                f"{path} away to review others of this slide"
            )
        self.reviewed = kept
        self._show()

    def tuning(self, start: NucleusSettings) -> FineTuning:
        """Return how weights shall learn, as the form says.

        Parameters
        ----------
        start
            The model and weights that are learned further, and the device.

        Raises
        ------
        SettingsError
            The name is none for a file.
        """
        return self.form.settings(**{name: getattr(start, name) for name in GIVEN})

    def review(self, view: Region) -> None:
        """Take a view for reviewed, and keep it.

        Raises
        ------
        FocusQCError
            See `reviewed_view`, `ReviewedFields.with_field` and `save_reviewed`.
        """
        if self._points is not None and self.reviewed is not None:
            field = reviewed_view(self._points.chosen, view, self._searched)
            self._keep(self.reviewed.with_field(field))

    def forget(self, view: Region) -> None:
        """Forget the views that share something with another one.

        Raises
        ------
        OutputError
            See `save_reviewed`.
        """
        if self.reviewed is not None:
            self._keep(self.reviewed.without(view))

    def _keep(self, reviewed: ReviewedFields) -> None:
        save_reviewed(reviewed, reviewed_path(reviewed.slide))
        self.reviewed = reviewed
        self._show()

    def _show(self) -> None:
        """Say how many views there are, and frame them."""
        known = () if self.reviewed is None else self.reviewed.fields
        nuclei = sum(len(field.centres) for field in known)
        views = "view" if len(known) == 1 else "views"
        more = "" if len(known) >= LEAST_FIELDS else "; fine-tuning needs two or more"
        self.counted.setText(f"{len(known)} {views} reviewed, {nuclei:,} nuclei{more}")
        self.review_button.setEnabled(self.reviewed is not None)
        self.forget_button.setEnabled(bool(known))
        self.tune_button.setEnabled(len(known) >= LEAST_FIELDS)
        self._frame([field.region for field in known])

    def _frame(self, regions: list[Region]) -> None:
        """Draw the frames; a layer that is there gets other ones."""
        if self._points is None or self._on not in self._viewer.layers:
            return
        source = self._points.found.source
        frames = frames_layer(regions, source.slide, source.mpp, self._on)
        if self._frames is not None and self._frames in self._viewer.layers:
            fill_again(self._frames, frames)
        elif regions:
            active = self._viewer.layers.selection.active
            self._frames = self._viewer.add_layer(Layer.create(*frames))
            self._viewer.layers.selection.active = active


def tuned(
    slide: Slide, reviewed: ReviewedFields, settings: FineTuning
) -> Generator[Progress[Any], None, Any]:
    """Run `fine_tune`; it is imported here, in the run's thread, as it imports torch."""
    from napari_focusqc.training.fine_tuning import fine_tune

    return (yield from fine_tune(slide, reviewed, settings))
