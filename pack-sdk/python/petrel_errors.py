"""The errors of actions, and of what they ask of the host."""

from __future__ import annotations

from typing import Any, Optional

# The kinds of failures, by which a policy decides whether to try again.
KINDS = (
    "invalid-input",
    "misconfigured",
    "denied",
    "unauthenticated",
    "not-found",
    "conflict",
    "transient",
    "rate-limited",
    "timeout",
    "canceled",
    "permanent",
)


class Error(Exception):
    """The error of an action. Any other exception is a failure of the component, with its traceback in the output."""

    def __init__(
        self,
        message: str,
        *,
        kind: str = "permanent",
        code: Optional[str] = None,
        hint: Optional[str] = None,
        details: Any = None,
        retry_after_ms: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        if kind not in KINDS:
            raise ValueError(f"{kind} is not a kind of failures: {', '.join(KINDS)}")
        self.message, self.kind, self.code, self.hint = message, kind, code, hint
        self.details, self.retry_after_ms = details, retry_after_ms
