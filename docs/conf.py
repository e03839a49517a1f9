"""Sphinx configuration: ``sphinx-build -W docs build/docs``."""

import re
import shutil
import zlib
from importlib.metadata import version as version_of
from pathlib import Path

import matplotlib as mpl
from click.testing import CliRunner
from docutils import nodes
from docutils.parsers.rst import Directive
from latex2mathml.converter import convert
from numpydoc.xref import DEFAULT_LINKS

from flatprior import analysis, models
from flatprior.analysis.cli import main

HERE = Path(__file__).parent

project = "flatprior"
author = "the flatprior developers"
copyright = author
release = version = version_of("flatprior")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_nb",
]
# executed notebooks are kept beside their scripts; sources must lie below this folder
shutil.rmtree(HERE / "notebooks", ignore_errors=True)
shutil.copytree(
    HERE.parent / "notebooks",
    HERE / "notebooks",
    ignore=lambda _, names: [name for name in names if not name.endswith(".ipynb")],
)
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"  # what cells show as Markdown has tables
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

templates_path = ["_templates"]
autosummary_generate = True
autodoc_typehints = "none"  # docstrings give types in words
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
default_role = "code"

# where words of other libraries are explained: an inventory of these alone, which needs no network
ELSEWHERE = {
    "python": (
        "https://docs.python.org/3/",
        {
            "py:exception": (
                "library/exceptions.html#{}",
                "ArithmeticError FileNotFoundError ImportError KeyboardInterrupt OSError TypeError "
                "ValueError",
            ),
            "std:term": ("glossary.html#term-{}", "callable iterable mapping sequence"),
        },
    ),
    "numpy": (
        "https://numpy.org/doc/stable/",
        {
            "py:class": ("reference/generated/{}.html", "numpy.ndarray"),
            "std:term": ("glossary.html#term-{}", "array_like"),
        },
    ),
    "pandas": (
        "https://pandas.pydata.org/docs/",
        {"py:class": ("reference/api/{}.html", "pandas.DataFrame pandas.Index pandas.Series")},
    ),
    "matplotlib": (
        "https://matplotlib.org/stable/",
        {"py:class": ("api/_as_gen/{}.html", "matplotlib.axes.Axes matplotlib.figure.Figure")},
    ),
    "xarray": (
        "https://docs.xarray.dev/en/stable/",
        {"py:class": ("generated/{}.html", "xarray.DataTree")},
    ),
}
ROLES = {"py:class": "py:class", "py:exception": "py:exc", "std:term": "term"}


def inventory(library, kinds):
    """Write a Sphinx inventory of the names of a library, and say where it is."""
    head = f"# Sphinx inventory version 2\n# Project: {library}\n# Version:\n"
    head += "# The remainder of this file is compressed using zlib.\n"
    lines = "".join(
        f"{name} {kind} 1 {page.format(name)} -\n"
        for kind, (page, names) in kinds.items()
        for name in names.split()
    )
    path = HERE / "generated" / f"{library}.inv"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(head.encode() + zlib.compress(lines.encode()))
    return str(path)


intersphinx_mapping = {
    library: (place, inventory(library, kinds)) for library, (place, kinds) in ELSEWHERE.items()
}
# words in docstrings' types that are links: those, and our own classes; all others stay words
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {word: word for word in DEFAULT_LINKS}
for _, kinds in ELSEWHERE.values():
    for kind, (_, names) in kinds.items():
        for name in names.split():
            short = name.split(".")[-1]
            link = f":{ROLES[kind]}:`{short} <{name}>`"
            numpydoc_xref_aliases |= {name: link, short: link}
for package in (models, analysis):
    classes = [name for name in package.__all__ if name[0].isupper()]
    numpydoc_xref_aliases |= {name: f"{package.__name__}.{name}" for name in classes}

exclude_patterns = ["_build"]
# pages that have none below them
alone = (
    *("index", "installation", "for_me", "tutorial", "coming_from", "cheat_sheet", "gallery"),
    *("command_line", "architecture"),
)
html_sidebars = {page: [] for page in alone}
html_math_renderer = "mathml"
toc_object_entries_show_parents = "hide"  # names of methods fit into the column of contents
html_theme = "pydata_sphinx_theme"
html_title = "flatprior"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    # notebooks need the width for tables and code
    "secondary_sidebar_items": {
        page: ["page-toc"] for page in (*alone[1:], "how_to/*", "explanation/*", "generated/*")
    },
}
html_show_sourcelink = False


# what the converter leaves to the browser's defaults, which space it as no book does
SPACING = (
    (r"<mo>&#x0221E;</mo>", "<mi>&#x0221E;</mi>"),
    (r"<mi>&#x0007E;</mi>", "<mo>&#x0223C;</mo>"),
    (r"<mi>&#x02AAF;</mi>", "<mo>&#x02AAF;</mo>"),
    (r'<mo( stretchy="false")?>(&#x0007C;|&#x0002F;)</mo>', r'<mo\1 lspace="0" rspace="0">\2</mo>'),
    (r"<mo>([a-z]+)</mo>(?=<mo[^>]*>&#x00028;)", r'<mo lspace="0" rspace="0">\1</mo>'),
    (r"<mo>([a-z]+)</mo>", r'<mo lspace="0" rspace="0.167em">\1</mo>'),
    (
        r"(<mo[^>]*>&#x(?:00028|0005B|0003D|02264|02265);</mo>)<mo>&#x02212;</mo>",
        r'\1<mo form="prefix">&#x02212;</mo>',
    ),
    (r"(</m(?:i|n|sub|sup|row)>|&#x00029;</mo>)(<mi>log</mi>)", r'\1<mspace width="0.167em"/>\2'),
    (r"(<mi>log</mi>)(?=<m(?:i|n|sub|sup|row|sqrt|frac)\b)", r'\1<mspace width="0.167em"/>'),
)


def mathml(formula, **named):
    """Convert TeX to MathML, which browsers draw by themselves: no script, no network."""
    found = convert(formula, **named)
    for pattern, spaced in SPACING:
        found = re.sub(pattern, spaced, found)
    return found


def inline_math(translator, node):
    """Write a formula within a line."""
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def displayed_math(translator, node):
    """Write a formula on lines of its own."""
    formula = mathml(node.astext().strip(), display="block")
    translator.body.append(f"<div class='formula'>{formula}</div>")
    raise nodes.SkipNode


def drawn(app, docname, source):
    """Run the gallery's blocks in order, and put below each the figure that it draws."""
    if docname != "gallery":
        return
    folder = HERE / "_drawn"
    folder.mkdir(exist_ok=True)
    heading, names, page = "", {}, []
    for part in re.split(r"(^## [^\n]*$|^```python\n.*?^```$)", source[0], flags=re.M | re.S):
        page.append(part)
        if part.startswith("## "):
            heading = part[3:]
        elif part.startswith("```python"):
            exec("\n".join(part.splitlines()[1:-1]), names)  # noqa: S102
            if figure := names.pop("figure", None):
                file = folder / f"{re.sub(r'[^a-z]+', '-', heading.lower()).strip('-')}.svg"
                with mpl.rc_context({"svg.hashsalt": "flatprior"}):
                    figure.savefig(file, metadata={"Date": None})
                page.append(f"\n\n![{heading}](_drawn/{file.name})")
    source[0] = "".join(page)


class CommandHelp(Directive):
    """What a command of flatprior says of itself."""

    required_arguments = 1

    def run(self):
        """Ask the command."""
        asked = CliRunner().invoke(
            main, [*self.arguments, "--help"], prog_name="flatprior", terminal_width=88
        )
        if asked.exit_code:
            raise self.error(asked.output)
        return [nodes.literal_block(asked.output, asked.output, language="text")]


# what is called in several ways, and what is built by its methods
SIGNATURES = {
    "flatprior.analysis.wald_test": "([model, ]fit, hypothesis, value=None)",
    "flatprior.models.BernoulliLogistic": "",
}


def as_called(app, what, name, thing, options, arguments, returned):
    """Give the signature of those whose own says nothing."""
    return (SIGNATURES[name], None) if name in SIGNATURES else None


def field_of_tuple(app, what, name, thing, skip, options):
    """Leave out fields of named tuples, which the class describes; Python says their numbers."""
    return True if type(thing).__name__ == "_tuplegetter" else None


def setup(app):
    """Register the renderer of mathematics, the help of commands, signatures, and members."""
    app.connect("autodoc-skip-member", field_of_tuple)
    app.connect("autodoc-process-signature", as_called, priority=100)
    app.connect("source-read", drawn)
    app.add_directive("command-help", CommandHelp)
    app.add_html_math_renderer("mathml", (inline_math, None), (displayed_math, None))
