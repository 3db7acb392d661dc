"""Which files look like secrets: nobody but their owner is to get them."""

from pathlib import Path

_NAMES = (
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "credentials", ".env", ".netrc", ".pypirc",
    ".npmrc", ".git-credentials", ".htpasswd", "keys.txt",
)  # fmt: skip
_ENDS = (".pem", ".key", ".p12", ".pfx", ".jks", ".kdbx", ".env")
_WORDS = (b"PRIVATE KEY-----", b"aws_secret_access_key", b"AWS_SECRET_ACCESS_KEY")
_LOOKED_AT = 1 << 20
"""Bytes of a file that are searched for secrets."""


def is_secret(file: Path) -> bool:
    """Whether a file looks like a secret, by its name or by what it holds."""
    name = file.name.lower()
    with file.open("rb") as stream:
        content = stream.read(_LOOKED_AT)
    named = name in _NAMES or name.endswith(_ENDS)
    return named or any(word in content for word in _WORDS)
