"""Opening the search of a store."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamtags.core.stores import Store
from streamtags.search.engine import Search
from streamtags.search.vectors import NearestDocuments
from streamtags.stages.tag.encoders import embed
from streamtags.store.opening import open_search_index

__all__ = ["StaticEmbedder", "open_search"]


class StaticEmbedder:
    """The static embeddings inside the wheel of wordllama: English words, 256 dimensions, no download."""

    name = "wordllama-256"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 [len(texts), 256], rows of length 1, or 0 for an empty text.

        Raises:
            ModelError: the embeddings cannot be loaded.
        """
        return embed(texts)


def open_search(store: Store) -> Search:
    """Open the search of `store`. Its index lies in the folder of the store; it is made and filled as needed.

    Raises:
        StoreError: the index cannot be opened.
    """
    embedder = StaticEmbedder()
    # An index for each model: vectors of different models cannot be compared.
    index = open_search_index(store, embedder.name)
    return Search(store, index, NearestDocuments(index, store.folder / "search" / f"{embedder.name}.npy"), embedder)
