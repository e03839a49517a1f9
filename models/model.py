"""`BernoulliLogistic`: the model every route fits.

``P(y = 1 | x) = sigmoid(offset + x'beta)``, no penalty, no prior but the flat one. The object holds
rows and names, is frozen, and knows nothing of optimisers or samplers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import IO, TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import ArrayLike

from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import a_or_an, check_choice, check_flag
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, InputTypeError, PrecisionError
from flatprior.models.common.labels import in_order
from flatprior.models.common.parallel import found_once
from flatprior.models.common.rendering import Renderable, Rendered, chosen
from flatprior.models.common.text import (
    ARRAY,
    COUNTS,
    HASH_VERSION,
    SCREEN,
    SPEAKING,
    abbreviated,
    count,
    level_in_words,
    names_in,
    observations,
    printable,
)
from flatprior.models.dependence.as_held import columns_as_held, with_codes
from flatprior.models.dependence.independent_columns import columns_of
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.aliased import Aliased
from flatprior.models.encoding.arrays import Encoded, design_columns, encode_arrays
from flatprior.models.encoding.columns.checks import (
    as_series,
    check_finite,
    check_names,
    column,
    of_sensible_size,
)
from flatprior.models.encoding.columns.kinds import numbers
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.encoding.files.reading import PLAIN, Reading
from flatprior.models.encoding.formulas.encoding import encode
from flatprior.models.encoding.frames import is_table, one_column
from flatprior.models.encoding.grouped import Trials
from flatprior.models.encoding.response import value
from flatprior.models.encoding.sampling import Sample, SamplingDesign
from flatprior.models.encoding.tables import as_frame, as_table
from flatprior.models.likelihood import at_each, exact_log_likelihoods, moments, row_terms, scores
from flatprior.models.rows import ArrayRows, as_held, numbered

if TYPE_CHECKING:
    from flatprior.models.batches.batch_rows import BatchRows
    from flatprior.models.encoding.formulas.encoding import Encoding

# frequency weights that look like sampling weights: of as many rows, as large, as distinct
FEW_WEIGHTS, LARGE_WEIGHT, DISTINCT = 20, 50, 0.5
SPEAK_FOR = (
    "the frequency weights are large and most of them distinct: if they say how many people a row "
    "speaks for, and not how many observations it is, standard errors are far too small; pass them "
    "as sampling_weights"
)
HIGH_DIMENSION = 0.1  # coefficients an observation
MANY = 11  # coefficients, of which the theory of many begins
CORRECTED = "; where rows are like Gaussian ones high_dimensional(model, fit) corrects both"
NAMES_WIDTH = 58  # characters for names where a model is printed, so that its lines have 80


@dataclass(frozen=True, eq=False)
@own_error_state
class BernoulliLogistic(Renderable):
    """A Bernoulli-logistic regression model with its data.

    Build it with `from_arrays` or `from_formula`; with `from_parquet` or `from_dask` where the rows
    are too many for memory.

    Attributes
    ----------
    rows : ArrayRows or BatchRows
        Design matrix, response, offset and weights, in memory or in batches.
    names : tuple of str
        Names of the k coefficients.
    response_name : str
    response_coding : str
        Which value counts as 1: "Up = 1, Down = 0"; empty for a response of 0 and 1 if `event` was
        not asked for.
    formula : str or None
    row_labels : Index
        The user's own label of each row of the design matrix; empty where rows come in batches.
    n_dropped : int
        Rows left out because a value was missing.
    n_zero_weight : int
        Rows left out because their frequency weight is 0: they carry no information.
    encoding : Encoding or None
        How the formula was turned into columns; encodes new data the same way.
    offset_name, weights_name : str or None
        Column of the offset and of the frequency weights, "(array)" where they were given as
        numbers, what stands in the formula's ``offset(...)``; None without.
    event : str or None
        The value of the response that counts as 1, where it was asked for.
    trials : Trials or None
        Of grouped counts: their number, and what their likelihood has besides that of single
        observations.
    trials_name : str or None
        Column of the trials of a share, "(array)" where they were given as numbers.
    reading : Reading
        How files were read, and what there is to say of it.
    said, remarks : tuple of str
        What was done to columns, and what of them seems not to be meant: an identifier, dates.
    aliased : Aliased or None
        Columns that were left out because they are combinations of others.
    """

    rows: ArrayRows | BatchRows
    names: tuple[str, ...]
    response_name: str
    response_coding: str
    row_labels: pd.Index[Any]
    formula: str | None = None
    n_dropped: int = 0
    n_zero_weight: int = 0
    encoding: Encoding | None = None
    offset_name: str | None = None
    weights_name: str | None = None
    event: str | None = None
    trials: Trials | None = None
    trials_name: str | None = None
    sampling: SamplingDesign | None = None
    reading: Reading = PLAIN
    said: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    aliased: Aliased | None = None

    def __new__(cls, *arguments: Any, **named: Any) -> BernoulliLogistic:
        """Refuse data, or a formula, where the rows of an encoded model are wanted."""
        if arguments and not hasattr(arguments[0], "reduce"):  # `Rows`
            raise InputTypeError(
                "a model is built by BernoulliLogistic.from_formula(formula, data) or by "
                "BernoulliLogistic.from_arrays(X, y)"
            )
        return super().__new__(cls)

    @classmethod
    def from_arrays(
        cls,
        X: ArrayLike | pd.DataFrame,
        y: ArrayLike | pd.Series[Any],
        names: Sequence[str] | None = None,
        intercept: bool = False,
        offset: ArrayLike | None = None,
        frequency_weights: ArrayLike | None = None,
        copy: bool = True,
        *,
        event: Any = None,
        trials: ArrayLike | None = None,
        sampling_weights: ArrayLike | None = None,
        clusters: ArrayLike | None = None,
        strata: ArrayLike | None = None,
        aliased: Literal["raise", "drop"] = "raise",
    ) -> BernoulliLogistic:
        """Build the model from a design matrix and a response.

        Parameters
        ----------
        X : array_like (n, k) or (n,), DataFrame, or sparse matrix
            Design matrix; a vector is one column. Numbers only: use `from_formula` for categories.
            Sparse matrices and arrays of SciPy, and frames with sparse columns, are copied, and not
            written out unless they are small.
        y : array_like (n,) or (n, 2)
            0/1, booleans, two numbers or two categories; `response_coding` says which counts as 1.
            Two columns are successes and failures, one group a row.
        names : sequence of str, optional
            Names of the columns; default those of the data frame, else x1, x2, ...
        intercept : bool
            Put a column of ones, named "const", in front.
        offset : array_like (n,), optional
            Added to the linear predictor.
        frequency_weights : array_like (n,), optional
            How many observations each row stands for: non-negative whole numbers. Rows of weight 0
            are left out and counted in `n_zero_weight`.
        copy : bool
            Hold copies of the arrays. Without, arrays of float64 (of float32 too, for `X`) are used
            where they are, in whatever order: leave them unchanged as long as the model is in use.
            `fit_newton`, `check_existence` and `certify` refuse arrays that have changed.
        event : str, number or bool, optional
            The value of the response that counts as 1, of two; by default the second in sorted, or
            categorical, order (of numbers the larger one).
        trials : array_like (n,), optional
            Number of trials of each group, where `y` is the share of its successes.
        sampling_weights, clusters, strata : array_like (n,), optional
            See `from_formula`.
        aliased : {"raise", "drop"}
            See `from_formula`.

        Raises
        ------
        ValueError
            Naming the column, the rows and the remedy, if a value is missing or infinite, shapes
            differ, names repeat, weights are not whole numbers or the response is not binary.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic
        >>> model = BernoulliLogistic.from_arrays([0, 1, 2, 3], [0, 1, 0, 1], intercept=True)
        >>> model.names, model.n_observations
        (('const', 'x1'), 4)
        """
        check_choice("aliased", aliased, ("raise", "drop"))
        check_flag("intercept", intercept)
        check_flag("copy", copy)
        sample = Sample.of(sampling_weights, clusters, strata, frequency_weights)
        encoded = encode_arrays(
            X, y, names, intercept, offset, frequency_weights, event, trials, sample
        )
        rows = _frozen_rows(encoded, copy)
        extent = rows.extent.columns
        if not of_sensible_size(extent):
            design, found = rows.design, encoded.names
            if isinstance(design, Structured):  # the first column of which this will complain
                wrong = ~np.isfinite(extent)
                if not wrong.any():
                    wrong = np.array([not of_sensible_size(each) for each in extent])
                j = int(np.argmax(wrong))
                design, found = design.column(j)[:, None], (found[j],)
            check_finite(design.astype(float, copy=False), found, encoded.labels)
        model = cls._of(encoded, rows, offset, frequency_weights, event, trials)
        return model.without_aliased() if aliased == "drop" else model

    @classmethod
    def from_formula(
        cls,
        formula: str,
        data: pd.DataFrame | Mapping[str, ArrayLike] | str | PathLike[str] | IO[Any],
        offset: str | ArrayLike | None = None,
        frequency_weights: str | ArrayLike | None = None,
        missing: Literal["drop", "raise"] = "drop",
        *,
        event: Any = None,
        trials: str | ArrayLike | None = None,
        sampling_weights: str | ArrayLike | None = None,
        clusters: str | ArrayLike | None = None,
        strata: str | ArrayLike | None = None,
        sep: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
        na: str | Sequence[str] | None = None,
        sheet: str | int | None = None,
        aliased: Literal["raise", "drop"] = "raise",
    ) -> BernoulliLogistic:
        """Build the model from a formula such as ``"y ~ x1 + C(x2)"``.

        Parameters
        ----------
        formula : str
            Wilkinson notation as in R. The response is a column, or ``cbind(successes, failures)``,
            also ``cbind(s, n - s)``, of groups. Allowed are column names (in backticks where they
            are not identifiers), ``+ - : * / ^ **``, parentheses, ``.`` for all other columns,
            ``offset()``; I with R's arithmetic, comparisons and ``%in%``; log, log2, log10, log1p,
            exp, expm1, sqrt, abs, sin, cos; center, scale, poly, bs, ns and cr, which keep what
            they learn for new rows; C, factor, ordered and relevel, with R's, patsy's or
            formulaic's contrasts. No text of it is ever evaluated. Text columns are categorical;
            the first level is the reference unless ``C(x, contr.treatment("level"))`` names another
            (see `reference_levels`). Text of which most values are numbers ("?" among them, or
            "1,5") is an error unless in ``C(...)``.
        data : DataFrame, mapping, path or open file
            Any table with named columns, or the path of a file (CSV, TSV, JSON lines, Parquet,
            Feather, Stata, SAS, SPSS, Excel), of a folder of them, or a pattern such as
            ``"folder/*.csv"``. Only columns that are used are read. Codes with leading zeros in a
            CSV file are text in ``C(...)``, and numbers elsewhere.
        offset, frequency_weights : str or array_like (n,), optional
            The name of a column of `data`, or one number a row of `data`.
        missing : {"drop", "raise"}
            What to do with rows in which a value that the model uses is missing: leave them out and
            count them in `n_dropped`, or raise. The knots, centres and scales of a formula see them
            all the same, as in R, where their own column has a value; `facts` say so.
        event : str, number or bool, optional
            The value of the response that counts as 1, of two; by default the second in sorted, or
            categorical, order (of numbers the larger one).
        trials : str or array_like (n,), optional
            Number of trials, where the response is the share of successes of each row.
        sampling_weights : str or array_like (n,), optional
            How many people (or other units) each row speaks for, because rows were drawn with
            unequal chances: any numbers that are not negative, not counts of observations. Fits are
            pseudo-maximum likelihood, with standard errors of the units that were drawn; whatever
            needs a likelihood is refused.
        clusters, strata : str or array_like (n,), optional
            With sampling weights: the cluster that was drawn, and the stratum that it was drawn
            from (a sample of one stage, with replacement; in each stratum two clusters at least).
        sep, decimal : str, optional
            In files of text: the sign between columns, and "." or "," before decimals. What they
            are is otherwise told from the file, and stated in `facts`, unless several would fit.
        encoding : str, optional
            Of text in files; by default UTF-8, or what a mark in front says.
        na : str or sequence of str, optional
            Words that mean a missing value, beside empty cells and, in CSV files, the usual ones
            (NA, NaN, null, ...); in place of these if an empty word is among them. In how many rows
            each was found is stated in `facts`.
        sheet : str or int, optional
            Of a workbook, by name or counted from 1; by default the first.
        aliased : {"raise", "drop"}
            What becomes of columns that are combinations of columns before them, such as cells of
            an interaction that never occur: fits raise, and name them, or they are left out, as R
            does, and `aliased` names them.

        Raises
        ------
        ValueError
            If the formula or the data are not usable; the message names column, rows and remedy.
        FileNotFoundError
            If `data` is a path and there is no such file.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic, load_smarket
        >>> model = BernoulliLogistic.from_formula("Direction ~ Lag1 + Volume", load_smarket())
        >>> model.names, model.response_coding
        (('Intercept', 'Lag1', 'Volume'), 'Up = 1, Down = 0')
        """
        check_choice("missing", missing, ("drop", "raise"))
        check_choice("aliased", aliased, ("raise", "drop"))
        if not isinstance(formula, str):
            raise InputTypeError(
                "from_formula takes a formula such as 'y ~ x1 + x2' first and then the data, not "
                f"{a_or_an(formula)}"
            )
        roles = (offset, frequency_weights, trials, sampling_weights, clusters, strata)
        apart = [name for name in roles if isinstance(name, str)]
        asked = Reading.of(sep=sep, decimal=decimal, encoding=encoding, na=na, sheet=sheet)
        table, parsed = as_table(data, formula, apart, asked)
        frame = table.frame

        def extra(role: str, value: str | ArrayLike | None) -> pd.Series[Any] | None:
            if value is None:
                return None
            if isinstance(value, str):
                return column(frame, value)
            return as_series(one_column(value), role, frame.index)

        encoded, encoded_by = encode(
            parsed,
            frame,
            extra("offset", offset),
            extra("frequency_weights", frequency_weights),
            missing,
            event,
            extra("trials", trials),
            Sample.of(sampling_weights, clusters, strata, frequency_weights),
        )
        if parsed.offset is not None:
            offset = parsed.offset.name
        rows = _frozen_rows(encoded)
        found = cls._of(encoded, rows, offset, frequency_weights, event, trials)
        found = replace(found, formula=parsed.formula, encoding=encoded_by, reading=table.reading)
        return found.without_aliased() if aliased == "drop" else found

    @classmethod
    def _of(
        cls,
        encoded: Encoded,
        rows: ArrayRows,
        offset: str | ArrayLike | None,
        weights: str | ArrayLike | None,
        event: Any,
        trials: str | ArrayLike | None,
    ) -> BernoulliLogistic:
        return cls(
            rows=rows,
            names=encoded.names,
            response_name=encoded.response_name,
            response_coding=encoded.outcomes.coding,
            row_labels=encoded.labels,
            n_dropped=encoded.n_dropped,
            n_zero_weight=encoded.n_zero_weight,
            offset_name=_name_of(offset),
            weights_name=_name_of(weights),
            event=None if event is None else value(encoded.outcomes.event),
            trials=encoded.trials,
            trials_name=_name_of(trials),
            sampling=encoded.sampling,
            said=encoded.facts,
            remarks=encoded.remarks,
        )

    @classmethod
    def from_parquet(
        cls,
        path: str | PathLike[str] | IO[Any],
        formula: str,
        offset: str | None = None,
        frequency_weights: str | None = None,
        missing: Literal["drop", "raise"] = "drop",
        progress: bool = False,
        *,
        event: Any = None,
        trials: str | None = None,
        sampling_weights: str | None = None,
        clusters: str | None = None,
        strata: str | None = None,
        sep: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
        na: str | Sequence[str] | None = None,
        sheet: str | int | None = None,
        aliased: Literal["raise", "drop"] = "raise",
    ) -> BernoulliLogistic:
        """Build the model from files of any size, read in batches and never held in memory.

        Parameters
        ----------
        path : str or path
            A Parquet file, a folder of them, or a pattern such as ``"folder/*.parquet"``; files of
            any other format that `from_formula` reads likewise.
        formula : str
            As for `from_formula`, but without what needs all rows at once: center, scale and cr,
            orthogonal poly, and splines whose knots and bounds are not given.
        offset, frequency_weights : str, optional
            Names of columns.
        missing : {"drop", "raise"}
            What to do with rows in which a value that the model uses is missing.
        progress : bool
            Show a progress bar on standard error in every pass over the files.
        event, trials, aliased : optional
            As for `from_formula`; `trials` is the name of a column.
        sampling_weights, clusters, strata : str, optional
            As for `from_formula`, names of columns. Of every cluster, and without clusters of every
            stratum, k sums are held while standard errors are computed.
        sep, decimal, encoding, na, sheet
            As for `from_formula`.

        Returns
        -------
        BernoulliLogistic
            One pass was made, to find the levels of categories and count the rows. What a model in
            memory can be asked can be asked of it; the few things that need the rows in memory say
            so.

        Raises
        ------
        ValueError
            If formula or data are not usable; rows are numbered 1, 2, ... through all files.
        FileNotFoundError
            If there is no such file.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> from flatprior.models import BernoulliLogistic, load_smarket
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     load_smarket().to_parquet(pathlib.Path(folder) / "smarket.parquet")
        ...     model = BernoulliLogistic.from_parquet(folder, "Direction ~ Lag1 + Volume")
        >>> model.names, model.n_observations
        (('Intercept', 'Lag1', 'Volume'), 1250)
        """
        check_choice("aliased", aliased, ("raise", "drop"))
        from flatprior.models.batches.file_rows import read_files

        asked = Reading.of(sep=sep, decimal=decimal, encoding=encoding, na=na, sheet=sheet)
        sample = Sample.of(sampling_weights, clusters, strata, frequency_weights)
        rows = read_files(
            path,
            formula,
            offset,
            frequency_weights,
            missing,
            progress,
            event,
            trials,
            asked,
            sample,
        )
        found = cls._in_batches(rows)
        return found.without_aliased() if aliased == "drop" else found

    @classmethod
    def from_dask(
        cls,
        frame: Any,
        formula: Any,
        offset: str | None = None,
        frequency_weights: str | None = None,
        missing: Literal["drop", "raise"] = "drop",
        *,
        event: Any = None,
        trials: str | None = None,
        sampling_weights: str | None = None,
        clusters: str | None = None,
        strata: str | None = None,
        na: str | Sequence[str] | None = None,
        aliased: Literal["raise", "drop"] = "raise",
    ) -> BernoulliLogistic:
        """Build the model from a Dask data frame or array, which stays where it is.

        With an active ``distributed.Client`` every pass runs on its cluster, else on the cores of
        this process. What comes back is a score and an information matrix, never a row (but for
        some thousand drawn at random). A worker that dies costs the time of its partitions.

        Parameters
        ----------
        frame : dask.dataframe.DataFrame, or dask.array.Array (n, k)
        formula : str, or dask.array.Array (n,) or (n, 2)
            As for `from_parquet`; with an array, the response, or successes and failures. The
            columns of an array are named x1, x2, ..., and there is no intercept but those in it.
        offset, frequency_weights : str, optional
            Names of columns.
        missing : {"drop", "raise"}
            As for `from_parquet`; missing values in arrays are an error, as for `from_arrays`.
        event, trials, aliased : optional
            As for `from_formula`; `trials` is the name of a column.
        sampling_weights, clusters, strata : str, optional
            As for `from_parquet`.
        na : str or sequence of str, optional
            Words in the columns of a data frame that mean a missing value.

        Returns
        -------
        BernoulliLogistic

        Raises
        ------
        ValueError
            If formula or data are not usable.
        ImportError
            If Dask is not installed (``pip install "flatprior[distributed]"``).
        """
        check_choice("aliased", aliased, ("raise", "drop"))
        from flatprior.models.batches.dask_rows import survey_dask

        sample = Sample.of(sampling_weights, clusters, strata, frequency_weights)
        rows = survey_dask(
            frame,
            formula,
            offset,
            frequency_weights,
            missing,
            event,
            trials,
            sample,
            Reading.of(na=na),
        )
        found = cls._in_batches(rows)
        return found.without_aliased() if aliased == "drop" else found

    @classmethod
    def _in_batches(cls, rows: BatchRows) -> BernoulliLogistic:
        found = rows.surveyed
        encoding, event = found.encoder.encoding, found.encoder.roles.event
        added = encoding.parsed.offset
        check_names(encoding.names)
        return cls(
            rows=rows,
            names=encoding.names,
            response_name=encoding.parsed.response,
            response_coding=found.encoder.outcomes.coding,
            row_labels=pd.RangeIndex(0),
            formula=found.encoder.roles.formula,
            n_dropped=found.survey.n_dropped,
            n_zero_weight=found.survey.n_zero_weight,
            encoding=encoding,
            offset_name=found.encoder.roles.offset if added is None else added.name,
            weights_name=found.encoder.roles.weights,
            event=None if event is None else value(found.encoder.outcomes.event),
            trials=found.survey.trials,
            trials_name=found.encoder.roles.trials,
            sampling=found.sampling,
            reading=rows.reading,
            said=found.rules.facts,
            remarks=found.rules.remarks,
        )

    def without_aliased(self) -> BernoulliLogistic:
        """The model without the columns that are combinations of columns before them.

        It has the same maximum of the likelihood on fewer coefficients, which are those that R
        estimates; `aliased` names those that are NA in R. The model itself where there are none.

        Raises
        ------
        ArithmeticError
            If it is undecided in double precision which columns are combinations of others.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic
        >>> X = [[1, 0, 1], [1, 2, 3], [1, 1, 2], [1, 4, 5]]
        >>> model = BernoulliLogistic.from_arrays(X, [0, 1, 1, 0], names=["one", "x", "z"])
        >>> reduced = model.without_aliased()
        >>> reduced.names, reduced.aliased.names
        (('one', 'x'), ('z',))
        """
        rows = self.rows
        if isinstance(rows, ArrayRows):
            coded = with_codes(rows.design, self.names)
            columns = None if coded is None else columns_as_held(coded)
            columns = columns or columns_of(rows.design.astype(float, copy=False))
        else:
            from flatprior.models.dependence.in_batches import columns_in_batches

            columns = columns_in_batches(rows)
        if columns is None:
            raise PrecisionError(
                "it is undecided in double precision which columns are combinations of others: "
                "rescale or centre the columns, or drop nearly collinear ones"
            )
        if not columns.null.size:
            return self
        if not len(columns.kept):
            raise InputError("every column of the design is 0: there is nothing to estimate")
        aliased = Aliased(self.names, columns.kept, columns.null)
        names = tuple(self.names[j] for j in columns.kept)
        encoding = self.encoding and replace(self.encoding, names=names, aliased=aliased)
        less: ArrayRows | BatchRows
        if isinstance(rows, ArrayRows):
            less = rows.select(slice(None), columns.kept)
            if isinstance(less.design, np.ndarray):  # what is held as codes is nobody else's
                less.design.flags.writeable = False
            if rows.at_first is not None:
                less = replace(less, at_first=less.digest())
        else:
            less = rows.without_columns(aliased)
        return replace(self, rows=less, names=names, encoding=encoding, aliased=aliased)

    @property
    def arrays(self) -> ArrayRows:
        """The rows, where they are in memory.

        Raises
        ------
        ValueError
            If they are not.
        """
        if not isinstance(self.rows, ArrayRows):
            raise InputError(
                "this needs the rows in memory, and those of the model are read in batches; build "
                "it with from_formula, on a sample if they are too many"
            )
        return self.rows

    @property
    def passes(self) -> Passes | None:
        """How often rows that are not in memory were read up to now; None of those that are."""
        return None if isinstance(self.rows, ArrayRows) else self.rows.passes

    @property
    def n_parameters(self) -> int:
        """Number of coefficients, k."""
        return self.rows.n_columns

    @property
    def n_rows(self) -> int:
        """Rows of the design matrix."""
        return self.rows.n_rows

    @property
    def n_observations(self) -> int:
        """Observations: the sum of the frequency weights, or the number of rows without them."""
        return self.rows.n_observations if self.sampling is None else self.rows.n_rows

    @property
    def n_events(self) -> int:
        """Observations with response 1."""
        if self.sampling is None or not isinstance(self.rows, ArrayRows):
            return self.rows.n_events
        return int(self.rows.response.sum())

    @property
    def design(self) -> Array:
        """Design matrix (n, k) of float64, read-only."""
        return cast(Array, self.arrays.design.astype(float, copy=False))

    @property
    def response(self) -> Array:
        """Response (n,), 0.0 or 1.0, read-only."""
        return self.arrays.response

    @property
    def offset(self) -> Array | None:
        """Offset (n,) or None."""
        return self.arrays.offset

    @property
    def frequency_weights(self) -> Array | None:
        """Frequency weights (n,), at least 1, or None."""
        return self.arrays.weights if self.sampling is None else None

    @property
    def sampling_weights(self) -> Array | None:
        """How many units each row speaks for (n,), above 0, or None."""
        return None if self.sampling is None else self.arrays.weights

    @property
    def counts(self) -> Array:
        """What each row stands for (n,): its frequency or sampling weight, or 1."""
        weights = self.arrays.weights
        return np.ones(self.n_rows) if weights is None else weights

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to keep in mind of any maximum likelihood fit of this model.

        With more than one coefficient to ten observations the MLE is biased away from zero and
        varies more than its Wald standard errors say: Sur and Candès (2019), "A modern
        maximum-likelihood theory for high-dimensional logistic regression", PNAS 116, 14516-14525.
        Where rows are like Gaussian ones `flatprior.analysis.high_dimensional` corrects both.
        """
        speak_for = SPEAK_FOR if self._look_like_sampling_weights() else ""
        found = (*self.remarks, speak_for, warning_of_many(self))
        return tuple(each for each in found if each)

    def _look_like_sampling_weights(self) -> bool:
        """Whether frequency weights are large and most of them distinct, as counts seldom are."""
        if self.weights_name is None:
            return False
        some = self.rows if isinstance(self.rows, ArrayRows) else self.rows.drawn
        weights = some.weights
        if weights is None or len(weights) < FEW_WEIGHTS or weights.max() < LARGE_WEIGHT:
            return False
        return len(np.unique(weights)) > DISTINCT * len(weights)

    @property
    def reference_levels(self) -> dict[str, str]:
        """Categorical predictor to the level its coefficients are differences from."""
        return {} if self.encoding is None else dict(self.encoding.reference_levels)

    @property
    def terms(self) -> dict[str, tuple[str, ...]] | None:
        """Each term of the formula to the names of its columns; None for a model from arrays.

        Terms stand in the order of their columns, the intercept as "Intercept"; columns that are
        `aliased` are left out, so that a term may have none.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic, load_spector
        >>> model = BernoulliLogistic.from_formula("grade ~ poly(gpa, 2) + psi", load_spector())
        >>> model.terms["poly(gpa, 2)"], model.terms["psi"]
        (('poly(gpa, 2)[1]', 'poly(gpa, 2)[2]'), ('psi',))
        """
        return None if self.encoding is None else self.encoding.terms

    @found_once
    def data_hash(self) -> str:
        """XXH3 hash, 128 bits, of names, design, response, offset and weights, after a version.

        It is the same for the same rows in the same order, whether they are in memory, in files,
        however these are cut, or in the partitions of a cluster. Where they are not in memory, the
        first pass finds it; before, it costs a pass of its own.
        """
        return self.hash_of(self.rows)

    def hash_of(self, rows: ArrayRows | BatchRows) -> str:
        """What `data_hash` would be with other rows."""
        digest = xxhash.xxh3_128(json.dumps([self.response_name, *self.names]).encode())
        if self.sampling is not None:  # the same numbers as counts are other data
            digest.update(b"sampling weights")
            for part in (self.sampling.sizes, self.sampling.stratum_of):
                digest.update(b"-" if part is None else np.ascontiguousarray(part, "<i8").tobytes())
            digest.update(self._units_digest(rows))
        first = rows.at_first if isinstance(rows, ArrayRows) else None
        digest.update(rows.digest() if first is None else first)
        return f"{HASH_VERSION}:{digest.hexdigest()}"

    def _units_digest(self, rows: ArrayRows | BatchRows) -> bytes:
        """Hash of the unit of each row; empty where every row is one, in one stratum."""
        if not isinstance(rows, ArrayRows):
            return rows.units_digest
        groups = rows.groups
        if groups is None and self.sampling is not None:
            groups = self.sampling.group_of
        return b"" if groups is None else ArrayRows.of(numbered(groups)).digest()

    def log_likelihood(self, coefficients: ArrayLike) -> Any:
        """Log-likelihood at `coefficients`.

        Parameters
        ----------
        coefficients : array_like (k,) or (d, k)

        Returns
        -------
        float or ndarray (d,)

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic
        >>> model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])
        >>> round(model.log_likelihood([0.0]), 6)      # 2 log(1/2)
        -1.386294
        """
        beta = self._vectors(coefficients)
        values = at_each(as_held(self.rows), exact_log_likelihoods, np.atleast_2d(beta))
        return float(values[0]) if beta.ndim == 1 else values

    def score(self, coefficients: ArrayLike) -> Array:
        """Gradient of the log-likelihood, (k,) or (d, k) like `coefficients`."""
        beta = self._vectors(coefficients)
        return at_each(as_held(self.rows), scores, np.atleast_2d(beta)).reshape(beta.shape)

    def information(self, coefficients: ArrayLike) -> Array:
        """Information matrix (k, k) at `coefficients` (k,): minus the Hessian.

        Observed and expected information are the same for the logit link.
        """
        beta = self._vectors(coefficients)
        if beta.ndim != 1:
            raise InputError("information takes one coefficient vector (k,)")
        return cast(Array, self.rows.reduce(lambda block: moments(block, beta)).information)

    def pointwise_log_likelihood(self, coefficients: ArrayLike) -> Array:
        """Log-likelihood of each row: (n,) for coefficients (k,), (d, n) for (d, k).

        A row of frequency weight w counts w times.
        """
        beta = self._vectors(coefficients)
        parts = [row_terms(block, beta.T).log_likelihood for block in as_held(self.arrays).blocks()]
        return np.concatenate(parts).T

    def design_matrix(self, data: ArrayLike | pd.DataFrame | Mapping[str, ArrayLike]) -> Array:
        """Encode new rows exactly as the model's own.

        Parameters
        ----------
        data : DataFrame or mapping, or array_like (m, k)
            With the columns the formula names; for a model from arrays, with the model's own
            columns by name, or as a matrix in their order. The column of ones that
            ``intercept=True`` put in front may be left out, and so may `aliased` ones.

        Returns
        -------
        ndarray (m, k)
            Where columns are `aliased`, rows of which the data say nothing are NaN: those in which
            these columns are not the combinations of others that they were.

        Raises
        ------
        ValueError
            If a value is missing or infinite, a column is absent, or a category was not seen when
            the model was built.
        TypeError
            If a model from a formula is given a matrix.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic
        >>> model = BernoulliLogistic.from_arrays([0, 1, 2, 3], [0, 1, 0, 1], intercept=True)
        >>> model.design_matrix([5, 6]).tolist()
        [[1.0, 5.0], [1.0, 6.0]]
        """
        if self.encoding is not None:
            factors = self.encoding.parsed.factors
            frame = as_frame(cast(Any, data), factors, self.encoding.parsed.columns, self.reading)
            return self.encoding.design_matrix(frame)
        left_out = self.aliased
        names = self.names if left_out is None else left_out.columns
        ones = names[0] == "const" and (self.arrays.design[:, 0] == 1).all()

        def kept(design: Array) -> Array:
            return design if left_out is None else left_out.without(design)

        if is_table(data):
            frame = as_frame(data)
            if left_out is not None and not set(left_out.names) <= set(frame.columns):
                names, left_out = self.names, None  # nothing to hold their combinations against
            columns = [
                np.ones(len(frame))
                if j == 0 and ones and name not in frame.columns
                else numbers(column(frame, name))
                for j, name in enumerate(names)
            ]
            return kept(np.column_stack(columns))
        matrix = cast("ArrayLike", data)
        given, found = design_columns(matrix, None)
        given = np.asarray(given)
        check_finite(given, found, pd.RangeIndex(len(given)))
        # with columns left out, as many as the model has may be its own, or all but the ones
        own = given.shape[1] == self.n_parameters and (not ones or (given[:, 0] == 1).all())
        if ones and not own and given.shape[1] == len(names) - 1:
            given = np.column_stack([np.ones(len(given)), given])
        if given.shape[1] == self.n_parameters:
            return given
        if given.shape[1] != len(names):
            one_row = "; write a single row as [[...]]" if np.ndim(matrix) == 1 else ""
            raise InputError(
                f"new rows have {count(given.shape[1], 'column')}, the model {len(names)}: "
                f"{names_in(SCREEN, names)}{one_row}"
            )
        return kept(given)

    def require_unchanged(self) -> None:
        """Raise a `ValueError` if the rows are the caller's own arrays, and have changed."""
        if isinstance(self.rows, ArrayRows):
            self.rows.require_unchanged()

    def _vectors(self, coefficients: ArrayLike) -> Array:
        beta = in_order(self.names, coefficients)
        if beta.ndim not in (1, 2) or beta.shape[-1] != self.n_parameters:
            raise InputError(
                f"coefficients have shape {beta.shape}; the model has {self.n_parameters}: "
                f"{names_in(SCREEN, self.names)}"
            )
        return beta

    @property
    def facts(self) -> tuple[str, ...]:
        """Sentences on the data: observations, weights, events, offset, rows left out, levels."""
        coding = f" ({self.response_coding})" if self.response_coding else ""
        groups = None if self.trials is None else self.trials.n_groups
        said = observations(self.n_observations, self.n_rows, self.weights_name, groups)
        if self.sampling is not None:
            said = f"{count(self.n_observations, 'observation')} ({self.sampling.said})"
        events = f"{count(self.n_events, 'event')}{coding}"
        alone = self.weights_name is None and self.sampling is None
        lines = [f"{said}, {events}"] if alone else [said, events]
        if self.trials is not None:
            lines.append(
                "the likelihood is of single observations; that of grouped counts has the constant "
                f"{self.trials.constant:.6f} more"
            )
        if self.offset_name is not None:
            lines.append(f"offset: {self.offset_name}")
        for number, why in (
            (self.n_dropped, "a value is missing"),
            (
                self.n_zero_weight,
                "no trials"
                if self.trials is not None
                else "frequency weight 0"
                if self.sampling is None
                else "weight 0",
            ),
        ):
            if number:
                lines.append(f"{count(number, 'row')} left out: {why}")
        lines += self.reading.notes
        lines += [
            f"{name}: differences from level {level_in_words(level)}"
            for name, level in self.reference_levels.items()
        ]
        if self.aliased is not None:
            names = self.aliased.names
            lines.append(
                f"{count(len(names), 'coefficient')} left out (aliased: combinations of others in "
                f"every row): {names_in(SCREEN, names)}"
            )
        return (*lines, *(() if self.encoding is None else self.encoding.facts), *self.said)

    @property
    def besides(self) -> tuple[str, ...]:
        """What the rows have besides design and response: "offset: t", "frequency weights: n"."""
        return tuple(
            f"{role}: {name}"
            for role, name in (
                ("offset", self.offset_name),
                ("frequency weights", self.weights_name),
                ("trials", self.trials_name),
                ("sampling weights", self.sampling and self.sampling.weights),
            )
            if name is not None
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: what the data are, and where they are from."""
        known = isinstance(self.rows, ArrayRows) or self.rows.has_passed
        facts = {
            "response": self.response_name,
            "coefficients": f"{self.n_parameters}: {names_in(NAMES_WIDTH, self.names)}",
            "rows": str(self.n_rows),
            # to print a model is not to read its files
            "data hash": self.data_hash if known else "found by the first pass over the rows",
        }
        if self.besides:
            room = NAMES_WIDTH // len(self.besides)
            facts["besides"] = ", ".join(abbreviated(each, room) for each in self.besides)
        return Rendered.of(
            chosen(pd.DataFrame({"": facts}), columns),
            {},
            f"Bernoulli-logistic model: {self.formula or self.response_name}",
            self.facts,
            (
                *self.warnings,
                COUNTS if self.weights_name is not None else "",
                SPEAKING if self.sampling is not None else "",
            ),
        )

    def __repr__(self) -> str:
        what = self.formula or f"{self.response_name} on {names_in(NAMES_WIDTH, self.names)}"
        groups = None if self.trials is None else self.trials.n_groups
        sampling = None if self.sampling is None else self.sampling.weights
        said = observations(self.n_observations, self.n_rows, self.weights_name, groups, sampling)
        offset = "" if self.offset_name is None else f", offset: {printable(self.offset_name)}"
        return (
            f"BernoulliLogistic({printable(what)!r}: {said}, {count(self.n_events, 'event')}, "
            f"{count(self.n_parameters, 'coefficient')}{offset})"
        )


def warning_of_many(model: BernoulliLogistic) -> str:
    """The warning of more than one coefficient to ten observations; empty where there are fewer."""
    k, n = model.n_parameters, model.n_observations
    if k <= HIGH_DIMENSION * n:
        return ""
    single = model.weights_name is None and model.trials is None and model.sampling is None
    corrected = k >= MANY and single and not model.rows.has_offset
    return (
        f"{count(k, 'coefficient')} on {count(n, 'observation')}, more than 1 to 10: expect "
        "the MLE to be biased away from zero and Wald standard errors to be too small "
        f"(Sur and Candès 2019, PNAS 116, 14516-14525){CORRECTED if corrected else ''}"
    )


def _name_of(given: str | ArrayLike | None) -> str | None:
    """What offset or weights are called: by their column, else "(array)"."""
    return given if given is None or isinstance(given, str) else ARRAY


def _frozen_rows(encoded: Encoded, copy: bool = True) -> ArrayRows:
    """Lock the arrays, or copies of them: the caller's own must neither freeze nor change."""

    def locked(array: Any) -> Any:
        if array is None:
            return None
        if isinstance(array, Structured):  # made here, and nobody else's
            return array
        own = array.copy(order="K") if copy else array.view()
        own.flags.writeable = False
        return own

    parts = (encoded.design, encoded.response, encoded.offset, encoded.weights)
    rows = ArrayRows(*map(locked, parts))
    return rows if copy else replace(rows, at_first=rows.digest())
