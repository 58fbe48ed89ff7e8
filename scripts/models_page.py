"""Write what the cards of the shipped weights say into docs/models.md."""

from pathlib import Path

from napari_focusqc.evaluation.report import models_table, with_table
from napari_focusqc.models.registry import shipped_weights

PAGE = Path(__file__).parents[1] / "docs" / "models.md"

if __name__ == "__main__":
    table = models_table([weights.card for weights in shipped_weights()])
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), table), "utf-8")
