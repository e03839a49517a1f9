"""What a figure shows, read back from it."""

from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg


def line(ax, label):
    return next(found for found in ax.get_lines() if found.get_label() == label)


def texts_do_not_overlap(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    for ax in figure.axes:
        for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
            boxes = [label.get_window_extent(renderer) for label in labels if label.get_text()]
            boxes = [box for box in boxes if box.width]
            for i, box in enumerate(boxes):
                assert not any(box.overlaps(other) for other in boxes[:i])


def names_on_points(ax):
    """How many points each text beside a point covers, in the picture."""
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    found = {}
    for text in ax.texts:
        box = text.get_window_extent(renderer)
        found[text.get_text()] = 0
        for line in ax.get_lines():
            if line.get_marker() in ("o", "s"):
                places = ax.transData.transform(line.get_xydata())
                gaps = places - np.clip(places, box.min, box.max)
                radius = line.get_markersize() / 2 * ax.figure.dpi / 72
                found[text.get_text()] += int((np.hypot(*gaps.T) < radius).sum())
    return found
