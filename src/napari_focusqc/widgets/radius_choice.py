"""How far apart a found and a true nucleus may be: in µm and in px at 40x, side by side.

Room: widgets.
"""

from functools import partial

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QDoubleSpinBox, QGridLayout, QPushButton, QWidget

from napari_focusqc.evaluation.judged_nuclei import PX_UM
from napari_focusqc.evaluation.nucleus_metrics import RADII_PX

MOST_PX = 400.0


class RadiusChoice(QWidget):
    """Two boxes that say the same length, and a button for each radius that papers use."""

    def __init__(self) -> None:
        super().__init__()
        self.um_box, self.px_box = QDoubleSpinBox(), QDoubleSpinBox()
        self.um_box.setRange(PX_UM, MOST_PX * PX_UM)
        self.um_box.setSingleStep(0.5)
        self.um_box.setSuffix(" µm")
        self.px_box.setRange(1.0, MOST_PX)
        self.px_box.setDecimals(1)
        self.px_box.setSuffix(" px")
        self.setToolTip(
            "<qt>A found nucleus this near to a true one may be it; the paper takes 16 px at 40x, "
            "which are 4 µm.</qt>"
        )
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.um_box, 0, 0, 1, 3)
        layout.addWidget(self.px_box, 0, 3, 1, 3)
        for number, radius in enumerate(RADII_PX):
            button = QPushButton(f"{radius:g} px")
            button.setToolTip(f"{radius:g} px at 40x, {radius * PX_UM:g} µm")
            button.clicked.connect(partial(self._on_preset, radius))
            button.setMinimumWidth(1)
            layout.addWidget(button, 1, 2 * number, 1, 2)
        for box in (self.um_box, self.px_box):
            box.setMinimumWidth(1)
        self.um_box.valueChanged.connect(lambda um: self._show(self.px_box, um / PX_UM))
        self.px_box.valueChanged.connect(lambda px: self._show(self.um_box, px * PX_UM))
        self.px_box.setValue(RADII_PX[-1])

    @property
    def radius_px(self) -> float:
        """The radius, px at 40x."""
        return float(self.um_box.value()) / PX_UM

    def _on_preset(self, radius_px: float, _checked: bool = False) -> None:
        self.px_box.setValue(radius_px)

    def _show(self, box: QDoubleSpinBox, value: float) -> None:
        with QSignalBlocker(box):
            box.setValue(value)
