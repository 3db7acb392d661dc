"""HTTPS, and a word of warning where everybody may ask."""

import ipaddress
import ssl
from pathlib import Path

from mlops_cli.errors import ConfigError, NotFoundError
from mlops_cli.schemas.serve import ServeConfig


def check(config: ServeConfig) -> None:
    """Reads certificate and key, so that a wrong file is told before anything is loaded.

    Raises:
        ConfigError: One is missing or can't be used.
        NotFoundError: A file is not there.
    """
    certificate, key = config.tls_cert, config.tls_key
    if not certificate and not key:
        return
    if not certificate or not key:
        raise ConfigError(
            "serve.tls_cert and serve.tls_key go together", hint="give both, or neither"
        )
    for name, file in (("tls_cert", certificate), ("tls_key", key)):
        try:
            with Path(file).open("rb"):
                pass
        except FileNotFoundError as error:
            raise NotFoundError(f"no file {file}", hint=f"see serve.{name}") from error
        except OSError as error:
            raise ConfigError(f"serve.{name}: {file} can't be read: {error.strerror}") from error
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            certificate, key, password=_no_password
        )
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"{certificate} and {key} are no certificate with its key",
            hint="PEM files, the key without a password: openssl x509 -in CERT -noout -text",
        ) from error


def _no_password() -> str:
    """No password: OpenSSL would ask the terminal for one."""
    return ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can ask."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
