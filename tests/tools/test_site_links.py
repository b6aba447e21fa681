from pathlib import Path

from docs.site_links import DOCS, repository_link

REPOSITORY = "https://example.com/repo"


def test_a_link_out_of_the_docs_leads_to_the_repository() -> None:
    assert repository_link("../../README.md", DOCS / "howto", REPOSITORY) == f"{REPOSITORY}/blob/main/README.md"
    assert repository_link("../tests", DOCS, REPOSITORY) == f"{REPOSITORY}/tree/main/tests"


def test_a_link_within_the_docs_or_to_nothing_is_left_alone() -> None:
    assert repository_link("../howto/models.md", DOCS / "topics", REPOSITORY) == "../howto/models.md"
    assert repository_link("../../nothing.md", Path(DOCS) / "topics", REPOSITORY) == "../../nothing.md"
