"""Encoders: raw columns to model inputs, one file per kind of input. No torch here."""

from dataclasses import replace

from tokenizers import Tokenizer

from mlops_cli.errors import ConfigError
from mlops_cli.tasks.encoders.text import TextEncoder
from mlops_cli.tasks.encoders.text_pair import TextPairEncoder
from mlops_cli.tasks.encoders.words import WordEncoder


def for_tokens(
    inputs: str,
    tokenizer: Tokenizer,
    max_length: int,
    pad_id: int,
    *,
    knows_segments: bool = False,
) -> TextEncoder:
    """The encoder of a model that reads tokens.

    Args:
        inputs: What a row is; see `task.inputs`.
        tokenizer: Makes the tokens, special ones included.
        max_length: Longest row in tokens.
        pad_id: Token id that fills a batch up.
        knows_segments: Whether the model takes `token_type_ids`, which tell two texts apart.

    Raises:
        ConfigError: The rows are nothing to be read in tokens.
    """
    if inputs not in _OF_TOKENS:
        raise ConfigError(f"a model of tokens does not read {inputs}", hint="task.inputs=text")
    encoder = _OF_TOKENS[inputs](tokenizer, max_length, pad_id)
    if knows_segments and len(encoder.columns) > 1:
        return replace(encoder, input_names=(*encoder.input_names, "token_type_ids"))
    return encoder


_OF_TOKENS: dict[str, type[TextEncoder]] = {
    "text": TextEncoder,
    "text_pair": TextPairEncoder,
    "words": WordEncoder,
}
