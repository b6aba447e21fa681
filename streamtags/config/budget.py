"""Settings of what a run may use."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["BudgetSettings"]


class BudgetSettings(BaseModel):
    """Limits of one run; a run that reaches one stops, and the same command goes on later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: int | None = Field(None, ge=1, description="most tokens that models may count in a run, prompts and answers together")
    seconds: float | None = Field(None, gt=0, description="longest time that a run may take")
    money: float | None = Field(None, gt=0, description="most money that a run may cost, in the currency of the profile's prices")
