"""Stage `models sign`: a bundle, or a registered version, gets the signature of who stands for it.

The signature of a bundle is a file of it, and goes with it into DVC when it is registered. What is
registered stays what it is: a signature that comes later goes to the registry's branch, as a change
of its own with an entry of the audit log, and is laid beside the files whenever they are used.
"""

import hashlib
import os
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_cli.errors import DataError, MissingDependencyError, MlopsError, UsageError
from mlops_cli.extras import extra
from mlops_cli.files import write_text
from mlops_cli.project import version_in
from mlops_cli.registry import audit, names, records, storage, tags, writing
from mlops_cli.registry.reading import opened
from mlops_cli.reporting import Reporter
from mlops_cli.schemas.verified import Signed
from mlops_cli.serving import bundle as bundles
from mlops_cli.serving import signatures
from mlops_cli.serving.bundle import MANIFEST, SIGNATURE, Bundle

if TYPE_CHECKING:
    from model_signing.signing import Config

PASSWORD = "MLOPS_SIGNING_PASSWORD"
"""The environment variable that holds the key's password: an option would stay in the history."""
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


@dataclass(frozen=True)
class Credentials:
    """What to sign with.

    Attributes:
        key: File of a private key.
        certificate: File of its certificate, where a certificate is to stand for the key.
        chain: Files of the certificates between that and the authority.
        keyless: Sign by an identity that sigstore attests, instead.
    """

    key: Path | None = None
    certificate: Path | None = None
    chain: Sequence[Path] = ()
    keyless: bool = False

    def __post_init__(self) -> None:
        if self.keyless == (self.key is not None):
            raise UsageError(
                "sign with a key, or keyless", hint=f"--key FILE, or --keyless; {signatures.MAKING}"
            )
        if self.certificate is not None and self.key is None:
            raise UsageError("--certificate goes with its key", hint="--key FILE")
        if self.chain and self.certificate is None:
            raise UsageError("--chain goes with --certificate", hint="--certificate FILE")

    @property
    def options(self) -> str:
        """What a person types for them."""
        named = [("--key", self.key), ("--certificate", self.certificate)]
        named += [("--chain", file) for file in self.chain]
        words = [word for option, file in named if file for word in (option, str(file))]
        return shlex.join([*words, "--keyless"] if self.keyless else words)


def run_bundle(root: Path, folder: Path, credentials: Credentials, reporter: Reporter) -> Signed:
    """Signs the bundle in a folder; an older signature is replaced.

    Args:
        root: The project.
        folder: The bundle.
        credentials: What to sign with.
        reporter: Told where the bundle is registered already.

    Raises:
        UsageError: It is the copy of a registered version, which is made anew from the registry.
        DataError: The bundle is damaged, or holds files that are not its own.
        MlopsError: There is nothing to sign with.
    """
    if version := version_in(folder):
        raise UsageError(
            f"{folder} is a copy of {version}, and a signature there would not stay",
            hint=f"mlops models sign {version}",
        )
    bundle = bundles.load(folder)
    _refuse_strangers(folder)
    text = _signature(folder, credentials)
    write_text(folder / SIGNATURE, text)
    signer = signatures.signer_of(folder)
    if registered := _registered(root, bundle):
        reporter.warn(f"{registered} is registered, and stays without this signature of its bundle")
    return Signed(
        str(folder), asdict(signer), signer.words, bundle.digest, bundle.run, registered=registered
    )


def run_version(root: Path, words: str, credentials: Credentials, reporter: Reporter) -> Signed:
    """Signs a registered version; an older signature stays in the history of the branch.

    Raises:
        NotFoundError: There is no such version, or its bytes are nowhere.
        MlopsError: There is nothing to sign with, or somebody else changed the registry.
    """
    repository, models = opened(root)
    version = names.version(models, words, repository)
    audit.require_writable(repository)
    repository.identity()
    record = records.read(repository, version)
    folder = storage.ensure(repository, version, record, reporter)
    text = _signature(folder, credentials)
    with tempfile.TemporaryDirectory() as scratch:
        beside = Path(scratch)
        (beside / MANIFEST).write_bytes((folder / MANIFEST).read_bytes())
        (beside / SIGNATURE).write_text(text, "utf-8")
        signer = signatures.signer_of(beside)
    facts = {"signer": asdict(signer), "signature": hashlib.sha256(text.encode()).hexdigest()}
    tag = tags.noted(audit.read(repository))
    why = f"by {signer.words}"
    change = writing.Change("sign", version.model, tag, why, version.version, facts=facts)
    files = {records.signature_path(version): text.encode()}
    writing.write(repository, models[version.model], change, files=files)
    digest = record["bundle"]["digest"]
    return Signed(
        version.name, asdict(signer), signer.words, digest, record["run"], tag, repository.remote
    )


def _registered(root: Path, bundle: Bundle) -> str:
    """The version that a bundle is already; empty where it is none, or no registry can be read."""
    try:
        repository, models = opened(root)
    except MlopsError:
        return ""
    versions = [version for model in models.values() for version in model.versions]
    found = records.registered(repository, versions, bundle)
    return found.name if found else ""


def _refuse_strangers(folder: Path) -> None:
    """A signature is of every file that lies in the folder, and only the bundle's go elsewhere."""
    known = {MANIFEST, SIGNATURE, *bundles.load(folder, verify=False).facts["files"]}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if there - known:
        listed = ", ".join(sorted(there - known)[:3])
        raise DataError(
            f"{folder} holds files that are not the bundle's: {listed}", hint="move them elsewhere"
        )


def _signature(folder: Path, credentials: Credentials) -> str:
    """The signature of what lies in a folder."""
    with extra(signatures.EXTRA, "mlops models sign"):
        import OpenSSL  # noqa: F401 - model-signing needs it, and does not ask for it
        from model_signing.hashing import Config as Hashing
        from model_signing.signing import Config
        from sigstore.errors import Error
    made = Config()
    # Any other file is signed, also what git would not take.
    made.set_hashing_config(Hashing().set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False))
    if credentials.keyless:
        try:
            made.use_sigstore_signer(use_ambient_credentials=True)
        except Error as error:
            raise signatures.unreachable(error) from error
    else:
        _use_key(made, credentials)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch, SIGNATURE)
        try:
            made.sign(folder, place)
        except Error as error:
            raise MlopsError(f"sigstore does not sign: {' '.join(str(error).split())}") from error
        except ValueError as error:
            raise DataError(f"{folder} can't be signed: {error}") from error
        return place.read_text("utf-8")


def _use_key(made: "Config", credentials: Credentials) -> None:
    """Has a key sign, or the certificate of one."""
    key, certificate = credentials.key, credentials.certificate
    assert key is not None
    password = os.environ.get(PASSWORD)
    _check_key(key, password if certificate is None else None)
    if certificate is None:
        # The annotation of the library says str; what it hands on has to be bytes.
        secret = password.encode() if password else None
        made.use_elliptic_key_signer(private_key=key, password=secret)  # type: ignore[arg-type]
        return
    for file in (certificate, *credentials.chain):
        if not file.is_file():
            raise DataError(f"there is no certificate {file}", hint="a PEM file")
    chain = credentials.chain or [certificate]  # The library takes no empty one.
    try:
        made.use_certificate_signer(
            private_key=key, signing_certificate=certificate, certificate_chain=chain
        )
    except ValueError as error:
        said = str(error).partition(". ")[0]
        raise DataError(
            f"{certificate} does not go with {key}: {said}", hint="the certificate of this key"
        ) from error


def _check_key(file: Path, password: str | None) -> None:
    """Refuses a file that is no key to sign with.

    Raises:
        DataError: It is none.
        MissingDependencyError: It needs a password, and there is none or a wrong one.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        raw = file.read_bytes()
    except OSError as error:
        raise DataError(
            f"the key {file} can't be read ({error.strerror})", hint=signatures.MAKING
        ) from error
    try:
        key = load_pem_private_key(raw, password.encode() if password else None)
    except TypeError as error:  # There is a password and it needs none, or the other way round.
        raise MissingDependencyError(
            f"the key {file}: {error}",
            hint=f"its password goes into {PASSWORD}; with --certificate, a key without one",
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        wrong = MissingDependencyError if password else DataError
        raise wrong(
            f"{file} is no private key that can be read"
            + (f", or {PASSWORD} is not its password" if password else ""),
            hint=signatures.MAKING,
        ) from error
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in _CURVES:
        raise DataError(f"{file} is no elliptic-curve key of NIST's", hint=signatures.MAKING)
