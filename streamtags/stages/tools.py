"""The models and the vocabulary of a run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from streamtags.config.settings import ProfileSettings, Settings
from streamtags.core.ports import Captioner, Classifier, Describer, Readiness
from streamtags.core.vocabulary import Vocabulary

__all__ = ["Tools"]


@dataclass(frozen=True, slots=True)
class Tools:
    """What the settings of a run choose; the runner of every stage is made from it.

    Attributes:
        provisional: chooses tags from measurements before there is a caption; None if the classifier itself needs no model.
        needs_frames: whether the captioner uses stills larger than a thumbnail.
        settings: those of the optional stages are in it.
    """

    captioner: Captioner
    classifier: Classifier
    vocabulary: Vocabulary
    profile: ProfileSettings
    provisional: Classifier | None = None
    needs_frames: bool = True
    settings: Settings = field(default_factory=Settings)

    @property
    def tags_model(self) -> str:
        """The name of the model that chooses tags in a new analysis."""
        return self.captioner.model if isinstance(self.captioner, Describer) else self.classifier.model

    async def ready(self) -> None:
        """Return when the model servers are ready.

        Raises:
            ModelError: one cannot be reached, refuses, or does not serve the model.
        """
        await asyncio.gather(*(model.ready() for model in (self.captioner, self.classifier) if isinstance(model, Readiness)))

    async def close(self) -> None:
        """Release the models."""
        for model in (self.captioner, self.classifier, self.provisional):
            if model is not None:
                await model.close()
