"""Results of `mlops models sign` and `verify`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Signed:
    """A bundle or a version that was signed.

    Attributes:
        signed: What it is called.
        signer: Kind, fingerprint and name of who signed.
        by: The same in words.
        digest: Digest of the bundle.
        run: The run that it comes from.
        tag: The tag that names the entry of the audit log; None for a bundle in a folder.
        remote: The git remote to push to; None where there is none.
        registered: The version that a bundle in a folder was before, which stays as it is, without
            this signature; empty where it was none.
    """

    signed: str
    signer: dict[str, str]
    by: str
    digest: str
    run: str
    tag: str | None = None
    remote: str | None = None
    registered: str = ""


@dataclass(frozen=True)
class Verified:
    """A version whose bytes were read.

    Attributes:
        version: What a person types for it.
        status: whole, fetched (from the remote), repaired, missing or damaged.
        files: Files that were read.
        bytes: Their size.
        said: What is wrong; empty where nothing is.
        signature: trusted, missing or refused; empty where nobody is trusted or it was not read.
        signer: Who signed it, in words.
    """

    version: str
    status: str
    files: int
    bytes: int
    said: str = ""
    signature: str = ""
    signer: str = ""

    @property
    def sound(self) -> bool:
        """Whether the bytes are right, and signed as they have to be."""
        return self.status in ("whole", "fetched") and self.signature != "refused"


@dataclass(frozen=True)
class VerifyResult:
    """Versions whose bytes were read.

    Attributes:
        versions: One for each.
    """

    versions: list[Verified]
