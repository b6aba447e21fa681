"""Links of the documentation site: a link to a file outside `docs/` becomes a link to the repository.

MkDocs loads this module as a hook (`mkdocs.yml`). The pages keep relative links, which also work on the repository's own web page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
_LINK = re.compile(r"(?<=\]\()(\.\./[^)#\s]+)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Rewrite the links of one page; called by MkDocs."""
    folder = (DOCS / page.file.src_uri).parent
    return _LINK.sub(lambda match: repository_link(match[1], folder, config.repo_url), markdown)


def repository_link(target: str, folder: Path, repository: str) -> str:
    """The address of a file of the repository if `target`, seen from `folder`, lies outside `docs/`; else `target`."""
    path = (folder / target).resolve()
    if path.is_relative_to(DOCS) or not path.exists():
        return target  # MkDocs reports what does not exist
    return f"{repository}/{'tree' if path.is_dir() else 'blob'}/main/{path.relative_to(ROOT).as_posix()}"
