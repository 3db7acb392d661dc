"""Keys and certificates that bundles are signed with."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
DAY = datetime.timedelta(days=1)


def pair(folder, name="release", *, password=None, kind="ec"):
    """Writes a private key and its public part; their files."""
    key = (
        ec.generate_private_key(ec.SECP256R1())
        if kind == "ec"
        else rsa.generate_private_key(65537, 2048)
    )
    secret = (
        serialization.BestAvailableEncryption(password.encode())
        if password
        else serialization.NoEncryption()
    )
    files = folder / f"{name}.pem", folder / f"{name}.pub"
    files[0].write_bytes(key.private_bytes(PEM, PKCS8, secret))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    files[1].write_bytes(key.public_key().public_bytes(PEM, form))
    return files


def chain(folder, name="team"):
    """Writes an authority, one below it, and the certificate and key of a person below that.

    Returns:
        The files: authority, the one below it, certificate, key.
    """
    made, above = [], None
    for part, is_authority in (("root", True), ("middle", True), ("me", False)):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {part}")])
        issuer, signing = above or (subject, key)
        certificate = _certificate(subject, issuer, key, signing, is_authority=is_authority)
        file = folder / f"{name}-{part}.crt"
        file.write_bytes(certificate.public_bytes(PEM))
        made.append(file)
        above = subject, key
    made.append(folder / f"{name}.pem")
    made[-1].write_bytes(key.private_bytes(PEM, PKCS8, serialization.NoEncryption()))
    return made


def _certificate(subject, issuer, key, signing, *, is_authority):
    now = datetime.datetime.now(datetime.UTC)
    usage = {
        **dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        ),
        "encipher_only": False,
        "decipher_only": False,
        "digital_signature": not is_authority,
        "key_cert_sign": is_authority,
        "crl_sign": is_authority,
    }
    known = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY * (3 if is_authority else 1))
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(known, critical=False)
        .add_extension(above, critical=False)
        .sign(signing, hashes.SHA256())
    )


def trusting(root, *files, **settings):
    """Has a project trust files, with more settings of the registry."""
    config = root / "configs" / "config.yaml"
    listed = {"trust": [str(file) for file in files], "require_signature": True, **settings}
    lines = config.read_text("utf-8").partition("registry:")[0]
    config.write_text(f"{lines}registry: {listed}\n".replace("True", "true"), "utf-8")
