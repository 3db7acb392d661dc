"""Signatures of bundles, as OpenSSF Model Signing has them: whose they are, whether they hold.

`model.sig` lies in the bundle, and is the one file that `bundle.json` does not list: it signs the
SHA-256 of all files, of `bundle.json` too. Only where somebody is trusted is the package imported
that checks signatures; to say whose one claims to be takes none.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_cli.errors import ConfigError, GateError, MlopsError, UnreachableError
from mlops_cli.extras import extra
from mlops_cli.files import sha256
from mlops_cli.project import version_in
from mlops_cli.serving.bundle import MANIFEST, SIGNATURE

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from model_signing.verifying import Config

EXTRA = "sign"
"""What brings the packages."""
KEY, CERTIFICATE, KEYLESS = "key", "certificate", "keyless"
_PUBLIC_KEY, _AUTHORITY = "-----BEGIN PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Signer:
    """Who signed.

    Attributes:
        kind: With a key, a certificate, or keyless, by an identity that sigstore attests.
        fingerprint: SHA-256 of the public key's PEM file, or of the certificate.
        name: Subject of the certificate, or the identity; empty where only a key is known.
    """

    kind: str
    fingerprint: str
    name: str = ""

    @property
    def words(self) -> str:
        """What a person reads."""
        short = f"{self.kind} {self.fingerprint[:16]}"
        return f"{self.name} ({short})" if self.name else short


@dataclass(frozen=True)
class Trust:
    """Whose signatures are accepted.

    Attributes:
        files: Public keys, and certificates of authorities.
        identities: Issuer by identity, for keyless signatures.
        required: Whether a bundle without a signature is refused.
    """

    files: tuple[Path, ...] = ()
    identities: Mapping[str, str] = field(default_factory=dict)
    required: bool = False

    def __bool__(self) -> bool:
        return bool(self.files or self.identities or self.required)

    def check(
        self, folder: Path, warn: Callable[[str], None], *, called: str = ""
    ) -> Signer | None:
        """Who signed a bundle, after every byte of it was held against the signature.

        Args:
            folder: The bundle.
            warn: Told where it has no signature and needs none.
            called: What a message calls it; by default the version, or else its folder.

        Returns:
            The signer; None where nobody is trusted, or there is no signature.

        Raises:
            GateError: It has none and needs one, it is not of those who are trusted, or the
                bundle is not what was signed.
            MissingDependencyError: The extra is not installed.
            ConfigError: A file of a key can't be used.
        """
        if not self or not (folder / MANIFEST).is_file():
            return None  # That there is no bundle is for those to say who load it.
        # What lies there for a version is made anew from the registry: only that can be signed.
        name = called or version_in(folder) or str(folder)
        if not (folder / SIGNATURE).is_file():
            if self.required:
                raise GateError(
                    f"{name} has no signature, and registry.require_signature is on",
                    hint=f"mlops models sign {name} --key FILE",
                )
            warn(f"{name} has no signature, and registry.require_signature=false lets it in")
            return None
        signer = signer_of(folder)
        with extra(EXTRA, "a signature"):
            wrong = _refusals()
        said = "registry.trust does not have it"
        for accepted, verifier in self._verifiers(signer):
            try:
                verifier.verify(folder, folder / SIGNATURE)
            except wrong as error:
                said = _said(error)
            else:
                return Signer(signer.kind, signer.fingerprint, signer.name or accepted)
        raise GateError(
            f"{name} is signed by {signer.words}, and refused: {said}",
            hint="don't use this bundle, unless registry.trust lacks a key",
        )

    def _verifiers(self, signer: Signer) -> Iterator[tuple[str, "Config"]]:
        """What may accept a signature of this kind, and what that is called."""
        from model_signing.verifying import Config

        if signer.kind == KEYLESS:
            yield from self._of_identities(Config)
            return
        listed = {file: _pem(file) for file in self.files}
        if signer.kind == CERTIFICATE:
            roots = [file for file, text in listed.items() if _AUTHORITY in text]
            if roots:
                yield "", Config().use_certificate_verifier(certificate_chain=roots)
            return
        for file, text in listed.items():
            if _AUTHORITY not in text and fingerprint(file) == signer.fingerprint:
                yield file.name, Config().use_elliptic_key_verifier(public_key=file)

    def _of_identities(self, made: "type[Config]") -> Iterator[tuple[str, "Config"]]:
        from sigstore.errors import Error

        for identity, issuer in self.identities.items():
            try:
                verifier = made().use_sigstore_verifier(identity=identity, oidc_issuer=issuer)
            except Error as error:
                raise unreachable(error) from error
            yield identity, verifier


def signer_of(folder: Path) -> Signer:
    """Who a bundle's signature claims to be of; nothing is checked but that it is of this bundle.

    Raises:
        GateError: The signature can't be read, or is of another bundle.json.
    """
    file = folder / SIGNATURE
    try:
        content = json.loads(file.read_bytes())
        material = content["verificationMaterial"]
        payload = json.loads(base64.b64decode(content["dsseEnvelope"]["payload"]))
        resources = {one["name"]: one for one in payload["predicate"]["resources"]}
        signer = _claimed(material)
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise GateError(f"{file} is no signature that can be read", hint="sign it again") from error
    # What bundle.json lists it proves itself; without it, a signature says nothing of the rest.
    signed = resources.get(MANIFEST, {})
    if signed.get("algorithm") != "sha256" or signed.get("digest") != sha256(folder / MANIFEST):
        raise GateError(
            f"{file} is not the signature of the {MANIFEST} beside it: one of them was changed",
            hint="sign it again, if you know by whom: mlops models sign",
        )
    return signer


def fingerprint(file: Path) -> str:
    """SHA-256 of a public key, as signatures name it: of the PEM file that OpenSSL writes.

    Raises:
        ConfigError: The file has no key of a kind that signs.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_pem(file).encode())
    except ValueError as error:
        raise ConfigError(f"{file} has no public key that can be read ({error})") from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise ConfigError(f"{file} is no elliptic-curve key", hint=MAKING)
    return digest_of(key)


def digest_of(key: Any) -> str:
    """SHA-256 of a public key's PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    raw = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(raw).hexdigest()


MAKING = "openssl ecparam -name prime256v1 -genkey -noout -out key.pem makes one"


def unreachable(error: Exception) -> MlopsError:
    """Why sigstore can't be asked."""
    return UnreachableError(
        f"sigstore can't be reached, which keyless signatures need: {_said(error)}",
        hint="offline, sign with a key: mlops models sign --key FILE",
    )


def _refusals() -> tuple[type[Exception], ...]:
    """What the libraries raise at a signature that does not hold, or is none at all."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from OpenSSL.crypto import X509StoreContextError
    from sigstore.errors import Error

    certificates = x509.DuplicateExtension, x509.UnsupportedGeneralNameType, X509StoreContextError
    shape = ValueError, LookupError, TypeError, AttributeError
    return (InvalidSignature, Error, *certificates, *shape)


def _claimed(material: Mapping[str, Any]) -> Signer:
    """The signer as the material of a signature names it."""
    if "publicKey" in material:
        return Signer(KEY, _hexadecimal(material["publicKey"]["hint"]))
    if "x509CertificateChain" in material:
        raw = material["x509CertificateChain"]["certificates"][0]["rawBytes"]
        return _certified(CERTIFICATE, base64.b64decode(raw))
    return _certified(KEYLESS, base64.b64decode(material["certificate"]["rawBytes"]))


def _certified(kind: str, raw: bytes) -> Signer:
    """A signer by certificate; its name only where the package is there that reads it."""
    try:
        from cryptography import x509
    except ModuleNotFoundError:
        return Signer(kind, hashlib.sha256(raw).hexdigest())
    found = x509.load_der_x509_certificate(raw)
    name = found.subject.rfc4514_string()
    if kind == KEYLESS:
        name = _identity(found)
    return Signer(kind, hashlib.sha256(raw).hexdigest(), name)


def _identity(certificate: "Certificate") -> str:
    """Whom sigstore attests in a certificate."""
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise ValueError("it names nobody") from error
    return ", ".join(str(one.value) for one in names.value)


def _hexadecimal(hint: Any) -> str:
    if len(bytes.fromhex(hint)) != hashlib.sha256().digest_size:
        raise ValueError("no SHA-256")
    return str(hint)


def _pem(file: Path) -> str:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"registry.trust names {file}, which can't be read", hint="a public key as PEM file"
        ) from error
    if _PUBLIC_KEY not in text and _AUTHORITY not in text:
        raise ConfigError(
            f"registry.trust names {file}, which is neither a public key nor a certificate",
            hint="openssl pkey -in key.pem -pubout -out key.pub makes the public part of a key",
        )
    return text


def _said(error: Exception) -> str:
    """What a library says, in one line."""
    words = " ".join(str(error).split())
    return words or "the signature is wrong"
