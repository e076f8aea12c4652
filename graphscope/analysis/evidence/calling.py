"""Where the user's code called the model that an op ran in."""

from graphscope.model.site import Frame, Site

_FORWARD = "forward"


def call_of_model(site: Site | None) -> Site | None:
    """Return the line that called the outermost model, seen from an op inside of it.

    An op outside of any `forward` is at that line itself.
    """
    if site is None:
        return None
    frames = [Frame(site.file, site.line, site.function), *site.stack]
    inside = [i for i, frame in enumerate(frames) if _is_forward(frame)]
    if not inside or inside[-1] + 1 >= len(frames):
        return site
    frame = frames[inside[-1] + 1]
    return Site(frame.file, frame.line, frame.line, -1, -1, frame.function, "")


def _is_forward(frame: Frame) -> bool:
    return frame.function.rpartition(".")[2] == _FORWARD
