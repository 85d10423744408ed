"""Tables of pages: on a phone each row stands as a block, with the names of its columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

STYLE = "table"
"""The style sheet that pages with such tables link."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], ids: Iterable[str] = ()) -> str:
    """Write a table whose first column names its rows; cells are HTML already, heads are plain.

    Args:
        heads: the names of the columns; one without any has no head.
        rows: the cells of each row.
        ids: what each row can be linked to by, none where absent.
    """
    anchors = iter(ids)
    body = "".join(_row(heads, row, next(anchors, "")) for row in rows)
    head = "".join(f"<th scope='col'>{name}</th>" for name in heads)
    told = f"<thead><tr>{head}</tr></thead>" if any(heads) else ""
    return f"<div class='wide stacked'><table>{told}<tbody>{body}</tbody></table></div>"


def _row(heads: Sequence[str], cells: Sequence[str], id: str) -> str:
    first, *others = cells
    written = "".join(
        f"<td{f' data-head={head!r}' if head else ''}>{cell}</td>"
        for head, cell in zip(heads[1:], others, strict=True)
    )
    anchor = f" id='{id}'" if id else ""
    return f"<tr{anchor}><th scope='row'>{first}</th>{written}</tr>"
