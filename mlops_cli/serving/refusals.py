"""Requests that are refused: each with its HTTP status, one line, and what to do."""


class Refusal(Exception):
    """A request that gets no answer.

    Attributes:
        status: HTTP status, 400 to 504.
        message: What is wrong, in one sentence.
        hint: What to send or do instead; empty when there is nothing to add.
        retry_after: Whole seconds after which to try again; None where that would not help.
    """

    status = 400

    def __init__(self, message: str, *, hint: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retry_after = retry_after


class BadRequest(Refusal):
    """The request can't be understood."""


class Unauthorized(Refusal):
    """The key is missing or wrong."""

    status = 401


class Forbidden(Refusal):
    """The key is right, and not one for this."""

    status = 403


class Unknown(Refusal):
    """There is no such path, model or version."""

    status = 404


class WrongMethod(Refusal):
    """The path exists, for another method.

    Attributes:
        methods: Those that it takes.
    """

    status = 405

    def __init__(self, message: str, *, methods: tuple[str, ...], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.methods = methods


class TooSlow(Refusal):
    """The request did not arrive in time."""

    status = 408


class Conflict(Refusal):
    """It does not go with what is served at the moment."""

    status = 409


class Untrusted(Refusal):
    """The bundle is not signed by anybody who is trusted, or is not what was signed."""

    status = 412


class TooLarge(Refusal):
    """The body is larger than is taken."""

    status = 413


class WrongType(Refusal):
    """The body is of a type that is not read here."""

    status = 415


class Unprocessable(Refusal):
    """The request is well formed, and its values are none that the model takes."""

    status = 422


class HeadersTooLarge(Refusal):
    """The headers are larger than is taken."""

    status = 431


class Overloaded(Refusal):
    """More is waiting than can be answered in time."""

    status = 429


class Unavailable(Refusal):
    """The server is starting, stopping, or without this model."""

    status = 503


class Late(Refusal):
    """The answer did not come within the deadline."""

    status = 504


class Broken(Refusal):
    """A defect of ours: what it was is in the log."""

    status = 500
