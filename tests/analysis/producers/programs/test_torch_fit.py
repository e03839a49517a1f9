import numpy as np
import pytest

from flatprior.analysis.producers.programs.torch_fit import SINGLE, read
from flatprior.models import load_spector

DATA = load_spector()
X, Y = DATA[["gpa", "psi"]], DATA["grade"]


class Tensor:
    """What is asked of a tensor of PyTorch."""

    def __init__(self, values, dtype=np.float64):
        self.values = np.asarray(values, dtype=dtype)
        self.shape, self.ndim, self.dtype = self.values.shape, self.values.ndim, f"torch.{dtype}"

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.values


class Linear:
    def __init__(self, **parameters):
        self.parameters = parameters

    def named_parameters(self):
        return self.parameters.items()


def test_weight_and_bias_are_slopes_and_intercept():
    unit = Linear(weight=Tensor([[1.0, 2.0]]), bias=Tensor([3.0]))
    their = read(unit, X, Y)
    assert their.coefficients == {"(Intercept)": 3.0, "gpa": 1.0, "psi": 2.0}
    assert np.array_equal(their.model.response, Y)
    assert their.notes == ()
    single = read(Linear(weight=Tensor([[1.0, 2.0]], "float32")), Tensor(X), Tensor(Y))
    assert single.coefficients == {"x0": 1.0, "x1": 2.0}
    assert single.notes == (SINGLE,)
    assert all(unit > 0 for unit in single.units.values())


def test_more_than_one_unit_is_refused():
    hidden = Linear(a=Tensor(np.ones((3, 2))), b=Tensor(np.ones((1, 3))))
    with pytest.raises(TypeError, match=r"not one linear unit: its parameters are a \(3, 2\)"):
        read(hidden, X, Y)
    with pytest.raises(ValueError, match="2 weights, the data 1 columns"):
        read(Linear(weight=Tensor([[1.0, 2.0]])), X[["gpa"]], Y)


def test_a_real_module_is_read_alike():
    torch = pytest.importorskip("torch")
    unit = torch.nn.Linear(2, 1)
    their = read(unit, X, Y)
    assert list(their.coefficients.values()) == [
        *unit.bias.tolist(),
        *unit.weight[0].tolist(),
    ]
    assert their.notes == (SINGLE,)
