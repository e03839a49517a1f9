import numpy as np

from flatprior.models import BernoulliLogistic
from flatprior.models.provenance import provenance


def test_it_states_data_weights_offset_and_versions_of_what_was_used():
    model = BernoulliLogistic.from_arrays(
        [0.0, 1, 2, 3], [0, 1, 0, 1], offset=np.ones(4), frequency_weights=[1, 2, 1, 0]
    )
    found = provenance(model, "scipy")
    assert (found.n_observations, found.n_rows) == (4, 3)
    assert found.data_hash == model.data_hash
    assert (found.offset, found.frequency_weights) == ("(array)", "(array)")
    assert found.versions["scipy"]
    assert {"python", "flatprior", "numpy"} <= set(found.versions)
    other = BernoulliLogistic.from_arrays([0.0, 1, 2, 3], [0, 1, 0, 0])
    assert provenance(other).data_hash != found.data_hash
