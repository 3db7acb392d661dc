"""Config group `registry`: the stages of a model, and what a version must prove to enter one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from mlops_cli.errors import ConfigError
from mlops_cli.schemas.option import option

CARD = (
    "license", "language", "authors", "description", "uses", "limits", "data", "citation",
    "license_name", "license_link",
)  # fmt: skip
"""What people can write into a model card."""
_OTHER = "other"
"""The license of a card whose own one the hub does not list: it has a name, and a place."""
_LICENSE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_LICENSE_LINK = re.compile(r"https?://\S+|LICENSE|LICENSE\.md")
SPLITS = ("validation", "test", "train")


@dataclass
class RegistryConfig:
    """What `mlops models promote` asks for; the limits are gates (exit 6)."""

    stages: list[str] = option(
        "Stages that a version can be promoted to; empty: any.", ["staging", "production"]
    )
    split: str = option(
        "Split that a version and the one it is compared with both answer.",
        "validation",
        choices=SPLITS,
    )
    against: str | None = option(
        "Stage whose version a new one is compared with, where it has one; else with that of the "
        "stage it goes to.",
        None,
    )
    max_metric_loss: float = option(
        "By how much the monitored metric may be worse than that of the version compared with; "
        "of an error such as rmse as a share of it.",
        0.0,
        minimum=0,
    )
    trust: list[str] = option(
        "Whose signatures are accepted: files of public keys and of certificate authorities (PEM).",
        [],
    )
    trust_identities: dict[str, str] = option(
        "Whose keyless signatures are accepted: the issuer's address by identity.", {}
    )
    require_signature: bool = option(
        "Whether a bundle without a signature is refused; a wrong one always is, once "
        "registry.trust lists somebody.",
        False,
    )
    card: dict[str, str] = option(f"Text for model cards: {', '.join(CARD)}.", {})


def problems(config: RegistryConfig) -> Iterator[ConfigError]:
    """What is wrong with settings that are each right on their own."""
    for name in config.card:
        if name not in CARD:
            near = get_close_matches(name, CARD, n=1)
            yield ConfigError(
                f"registry.card has no {name!r}",
                hint=f"did you mean {near[0]}?" if near else f"it takes {', '.join(CARD)}",
            )
    yield from _license_problems(config.card)
    if config.require_signature and not (config.trust or config.trust_identities):
        yield ConfigError(
            "registry.require_signature refuses everything while nobody is trusted",
            hint="say whose signatures count: registry.trust=[keys/release.pub]",
        )


def _license_problems(card: Mapping[str, str]) -> Iterator[ConfigError]:
    """What the hub would not take of a license of one's own."""
    forms = {
        "license_name": (_LICENSE_NAME, "lower-case letters, digits, - . and _: my-license-1.0"),
        "license_link": (_LICENSE_LINK, "https://…, or LICENSE or LICENSE.md beside the card"),
    }
    for name, (form, hint) in forms.items():
        if name not in card:
            continue
        if card.get("license") != _OTHER:
            yield ConfigError(
                f"registry.card.{name} goes with license: {_OTHER} alone",
                hint=f"registry.card.license={_OTHER}, or leave out {name}",
            )
        elif not form.fullmatch(card[name]):
            yield ConfigError(f"registry.card.{name} can't be {card[name]!r}", hint=hint)
