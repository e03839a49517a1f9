r"""From the likelihood to binary cross-entropy, step by step, on a model of one's own.

The likelihood of Bernoulli outcomes is a product of factors :math:`p^y (1 - p)^{1 - y}`. Multiplied
out it underflows; its logarithm is a sum, has the same maximiser, and does not. Minus that is the
negative log-likelihood, and its mean over the observations the *binary cross-entropy*

.. math:: -\frac1n \sum_i y_i \log p_i + (1 - y_i) \log(1 - p_i)

that machine learning minimises: scikit-learn's ``log_loss``, the score of Good (1952), "Rational
decisions", Journal of the Royal Statistical Society B 14, 107-114. What scikit-learn's
``LogisticRegression()`` minimises is that *plus a penalty*.
"""
