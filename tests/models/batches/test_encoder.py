import numpy as np
from surveyed_rows import FORMULA, roles_of, rows_of

from flatprior.models import BernoulliLogistic
from flatprior.models.batches.first_pass import conclude, survey


def test_every_batch_is_encoded_as_the_whole_would_be():
    frame = rows_of(400, seed=9)
    roles = roles_of(frame)
    found = survey(frame[:150], roles, 0).merge(survey(frame[150:], roles, 1))
    encoder = conclude(found, roles).encoder
    whole = BernoulliLogistic.from_formula(FORMULA, frame, offset="o", frequency_weights="w")
    blocks = [encoder.block(encoder.complete(frame[i : i + 90])) for i in range(0, 400, 90)]
    assert np.array_equal(np.concatenate([block.design for block in blocks]), whole.design)
    signs = np.concatenate([block.sign for block in blocks])
    assert np.array_equal(signs, 2 * whole.response - 1)
    assert np.array_equal(
        np.concatenate([block.weights for block in blocks]), whole.frequency_weights
    )
