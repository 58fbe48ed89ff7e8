"""What training makes small, and how fast it goes."""

import numpy as np
import pytest
import torch
from torch import nn

from napari_focusqc.training.losses import IN_OR_OUT, RIGHT_CLASS, STRAIGHT_LINE, Goal, plcc_loss


def test_loss_is_one_minus_pearson() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 50))
    loss = plcc_loss(torch.from_numpy(x), torch.from_numpy(y))
    assert loss.item() == pytest.approx(1 - np.corrcoef(x, y)[0, 1])


@pytest.mark.parametrize(("slope", "loss"), [(3.0, 0.0), (-0.1, 2.0), (0.0, 1.0)])
def test_loss_of_straight_lines(slope: float, loss: float) -> None:
    truth = torch.arange(8, dtype=torch.float32)
    assert plcc_loss(slope * truth + 5, truth).item() == pytest.approx(loss, abs=1e-5)


def test_loss_of_constant_scores_has_a_finite_gradient() -> None:
    scores = torch.zeros(8, requires_grad=True)
    plcc_loss(scores, torch.arange(8, dtype=torch.float32)).backward()
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()


class Knowing(nn.Module):
    """Knows how likely the right one of two classes is."""

    def __init__(self, likely: float) -> None:
        super().__init__()
        self.likely = likely

    def logits(self, classes: torch.Tensor) -> torch.Tensor:
        right = nn.functional.one_hot(classes, 2).float()
        return torch.log(right * self.likely + (1 - right) * (1 - self.likely))


@pytest.mark.parametrize("goal", [RIGHT_CLASS, IN_OR_OUT])
@pytest.mark.parametrize("likely", [0.5, 0.9])
def test_cross_entropy_is_minus_the_log_of_what_the_right_class_was_given(
    goal: Goal, likely: float
) -> None:
    classes = torch.tensor([0, 1, 1, 0])
    assert goal.loss(Knowing(likely), classes, classes).item() == pytest.approx(-np.log(likely))


def test_rates_fall_as_the_recipes_say() -> None:
    assert [STRAIGHT_LINE.rate(done) for done in (0.0, 0.499, 0.5, 0.99)] == [1, 1, 0.1, 0.1]
    for goal in (RIGHT_CLASS, IN_OR_OUT):
        assert [goal.rate(done) for done in (0.5, 1.0)] == pytest.approx([0.5, 0])
        assert 0 < goal.rate(0.0) < goal.rate(0.005) < goal.rate(0.01)
