"""What a figure shows, read back from it."""

from __future__ import annotations

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
