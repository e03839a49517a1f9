"""Small real data sets that the demo, the notebooks and the tests use."""

from __future__ import annotations

from importlib.resources import as_file, files

import pandas as pd

from flatprior.models.encoding.files.csv_files import read_csv


def load_smarket() -> pd.DataFrame:
    """Daily returns of the S&P 500, 2001 to 2005: does the index go up tomorrow?

    Returns
    -------
    DataFrame (1250, 7)
        Lag1 ... Lag5, the percentage returns of the five days before; Volume, shares traded the
        day before in billions; Direction, "Up" or "Down".

    References
    ----------
    James, Witten, Hastie and Tibshirani, An Introduction to Statistical Learning, section 4.6
    (`Smarket` in the R package ISLR).

    Examples
    --------
    >>> from flatprior.models import load_smarket
    >>> load_smarket()["Direction"].value_counts().to_dict()
    {'Up': 648, 'Down': 602}
    """
    return _load("smarket.csv")


def load_endometrial() -> pd.DataFrame:
    """Endometrial cancer grade of 79 patients, quasi-completely separated by NV.

    Returns
    -------
    DataFrame (79, 4)
        NV, neovasculation; PI, pulsality index of the arteria uterina; EH, endometrium height; HG,
        histology grade (0 low, 1 high).

    References
    ----------
    Heinze and Schemper (2002), "A solution to the problem of separation in logistic regression",
    Statistics in Medicine 21, 2409-2419.

    Examples
    --------
    >>> from flatprior.models import load_endometrial
    >>> load_endometrial().shape
    (79, 4)
    """
    return _load("endometrial.csv")


def load_spector() -> pd.DataFrame:
    """Grades of 32 students, with and without a personalised system of instruction.

    Returns
    -------
    DataFrame (32, 4)
        gpa, grade point average; tuce, score of a pre-test; psi, 1 if in the programme; grade, 1
        if the grade improved.

    References
    ----------
    Spector and Mazzeo (1980), "Probit analysis and economic education", Journal of Economic
    Education 11, 37-44.

    Examples
    --------
    >>> from flatprior.models import load_spector
    >>> int(load_spector()["grade"].sum())
    11
    """
    return _load("spector.csv")


def load_births() -> pd.DataFrame:
    """Births of low weight among 189, with what is known of their mothers.

    Returns
    -------
    DataFrame (189, 8)
        low, 1 if the child weighed less than 2,500 g; age of the mother in years; lwt, her weight
        in pounds at the last menstrual period; race, "black", "other" or "white"; smoke, "yes" if
        she smoked during pregnancy; ptl, premature labours before; ht, 1 if she had hypertension;
        ui, 1 if her uterus was irritable.

    References
    ----------
    Hosmer and Lemeshow (1989), Applied Logistic Regression, appendix 1, as Stata's manual has it
    (``webuse lbw``). In ``birthwt`` of R's MASS one mother weighs a pound less.

    Examples
    --------
    >>> from flatprior.models import load_births
    >>> births = load_births()
    >>> int(births["low"].sum()), births["race"].value_counts().to_dict()
    (59, {'white': 96, 'other': 67, 'black': 26})
    """
    return _load("births.csv")


def _load(name: str) -> pd.DataFrame:
    with as_file(files("flatprior.models") / "data" / name) as path:
        frame: pd.DataFrame = read_csv(path)
    return frame
