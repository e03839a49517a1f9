import numpy as np
import pytest

from flatprior.analysis.report.main_model import reported
from flatprior.analysis.report.units import per, units_of
from flatprior.models import BernoulliLogistic


@pytest.mark.parametrize(
    ("sd", "unit"), [(30.58, 30.6), (0.01234, 0.0123), (1.1, None), (0.5, None)]
)
def test_a_unit_is_a_standard_deviation_where_1_is_far_from_it(sd, unit):
    x = np.array([-1.0, 1.0] * 20)
    y = (np.arange(40) % 3 == 0) * 1.0
    model = BernoulliLogistic.from_arrays(
        np.column_stack([x * sd / x.std(ddof=1), np.arange(40) % 2]), y, intercept=True
    )
    assert units_of(reported(None, None, model=model)) == ({} if unit is None else {1: unit})


def test_a_unit_is_said_with_its_digits():
    assert [per(each) for each in (1.0, 0.0123, 30.6, 12300.0)] == [
        "per 1",
        "per 0.0123 (1 SD)",
        "per 30.6 (1 SD)",
        "per 1.23e+04 (1 SD)",
    ]
