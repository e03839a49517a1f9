"""One model fitted many times: resamples and simulated responses."""
