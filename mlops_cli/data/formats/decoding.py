"""Bytes to lines of text: the encoding is found on a sample, damage is told by line and column."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from encodings.aliases import aliases
from functools import partial
from itertools import chain
from pathlib import Path

from charset_normalizer import from_bytes

from mlops_cli.errors import ConfigError, DataError

SAMPLE_BYTES = 1 << 20
MAX_LINE = 1 << 26
"""Longest line in characters: what is longer is not a table of texts."""

_GUESS_BYTES = 1 << 16
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = frozenset(
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüœŒšžŸ¡¿‘’“”„–—…€£§°ºª«»·"  # noqa: RUF001 - what cp1252 texts are made of
)
_LEGACY = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("cp874", "iso8859_2", "iso8859_5", "koi8_r", "koi8_u", "cp866", "mac_roman"),
    *("cp949", "cp932", "euc_jp", "gb18030", "cp950"),
]
"""What tables are found in; the many others only make the guess worse."""

_FOREIGN_RUN = re.compile(r"[^\W\d_a-zA-Z]{3}")


@dataclass(frozen=True)
class TextFile:
    """A text file whose encoding is known.

    Attributes:
        path: The file.
        encoding: Python's name of its encoding.
        guessed: The encoding is a guess a person should hear of.
        sample: Its beginning, cut at a line end where the file goes on.
        whole: The sample is the whole file.
        skipped: Lines at the beginning that are left out, also of the sample.
    """

    path: Path
    encoding: str
    guessed: bool
    sample: str
    whole: bool
    skipped: int = 0

    def lines(self) -> Iterator[str]:
        r"""Every line with its line end; `\n`, `\r\n` and `\r` all end one.

        Raises:
            DataError: Bytes that are no text, NUL, or a line beyond all reason.
        """
        number = 0
        with self.path.open(encoding=self.encoding, newline="") as stream:
            try:
                for line in iter(partial(stream.readline, MAX_LINE), ""):
                    number += 1
                    if "\0" in line or len(line) == MAX_LINE:
                        raise self._no_table(line, number)
                    if number > self.skipped:
                        yield line
            except UnicodeError as error:
                raise undecodable(self.path, self.encoding) from error

    def _no_table(self, line: str, number: int) -> DataError:
        if "\0" not in line:
            return DataError(
                f"{self.path}, line {number}: longer than {MAX_LINE} characters",
                hint="is it really a table with one row a line?",
            )
        utf16 = line.count("\0") * 3 > len(line)
        return DataError(
            f"{self.path}, line {number}, column {line.index(chr(0)) + 1}: a NUL byte",
            hint="UTF-16 without a mark? data.encoding=utf-16-le"
            if utf16
            else "the file is damaged or is no text: remove the NUL bytes",
        )


def open_text(path: Path, encoding: str, skip: int = 0) -> TextFile:
    """The file with its encoding settled: the given one, or with "auto" the one that fits.

    Args:
        path: The file.
        encoding: Python's name of an encoding, or auto.
        skip: Lines at the beginning to leave out.

    Raises:
        ConfigError: There is no such encoding.
        DataError: The sample is neither UTF-8 nor clearly anything else.
    """
    with path.open("rb") as stream:
        head = stream.read(SAMPLE_BYTES)
        whole = not stream.read(1)
    guessed = False
    if encoding == "auto":
        encoding, guessed = _detect(path, head)
    else:
        encoding = _checked(encoding)
    try:
        sample = codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeError as error:
        raise undecodable(path, encoding) from error
    if not whole:
        cut = max(sample.rfind("\n"), sample.rfind("\r")) + 1
        sample = sample[:cut] if cut else sample
    sample = re.sub(rf"\A(?:[^\r\n]*(?:\r\n|\r|\n|\Z)){{{skip}}}", "", sample) if skip else sample
    return TextFile(path, encoding, guessed, sample, whole, skip)


def undecodable(path: Path, encoding: str) -> DataError:
    """Finds the first byte of the file that is no text and says where it is."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, column, last, bad = 1, 1, "", ""
    with path.open("rb") as stream:
        # One byte at a time, and once more at the end for a character that was cut off.
        for byte in chain(iter(partial(stream.read, 1), b""), [b""]):
            try:
                text = decoder.decode(byte, final=not byte)
            except UnicodeDecodeError as error:
                bad = f"byte 0x{error.object[error.start]:02x}"
                break
            except UnicodeError as error:
                bad = str(error)
                break
            for character in text:
                if character == "\r" or (character == "\n" and last != "\r"):
                    line, column = line + 1, 1
                elif character != "\n":
                    column += 1
                last = character
    return DataError(
        f"{path}, line {line}, column {column}: {bad} is not {encoding.removesuffix('-sig')}",
        hint=_other_encoding(path, encoding),
    )


def _other_encoding(path: Path, encoding: str) -> str:
    with path.open("rb") as stream:
        guess = _guess(stream.read(SAMPLE_BYTES))
    if guess is None or codecs.lookup(guess) == codecs.lookup(encoding):
        return "repair the byte, or name the file's encoding: data.encoding=cp1252"
    return f"repair the byte, or if the whole file is {guess}: data.encoding={guess}"


def _checked(encoding: str) -> str:
    try:
        found = codecs.lookup(encoding)
        "".encode(encoding)
    except (LookupError, ValueError) as error:
        near = get_close_matches(
            encoding.lower().replace("-", "_"), [*aliases, *aliases.values()], n=1
        )
        raise ConfigError(
            f"no text encoding is called {encoding!r}",
            hint=f"did you mean {near[0]}?" if near else "such as utf-8, utf-16, cp1252, cp949",
        ) from error
    # A byte order mark is no part of the first column's name.
    return "utf-8-sig" if found.name == "utf-8" else encoding


def _detect(path: Path, head: bytes) -> tuple[str, bool]:
    """The encoding, and whether it is a guess."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding, False
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text = decoder.decode(head)
    bad = len(re.findall("[\udc80-\udcff]", text))
    good = len(re.findall("[^\x00-\x7f\udc80-\udcff]", text))
    guess = _guess(head) if bad > good else None
    if bad and guess is None:
        raise undecodable(path, "utf-8")
    return guess or "utf-8", bad > 0


def _guess(head: bytes) -> str | None:
    """The legacy encoding that `head`, which is not UTF-8, is most likely in."""
    # The fields in question alone: numbers and delimiters around them mislead statistics.
    telling: list[bytes] = []
    length = 0
    for part in re.split(rb'[\t,;"\r\n]+', head):
        if not part.isascii() and length + len(part) <= _GUESS_BYTES:
            telling.append(part)
            length += len(part)
    joined = b"\n".join(telling)
    if _looks_western(joined):
        return "cp1252"
    # On a handful of bytes a statistical guess is a coin flip.
    if sum(byte > 0x7F for byte in joined) < 8:
        return None
    best = from_bytes(joined, cp_isolation=_LEGACY).best()
    return best.encoding if best is not None else None


def _looks_western(telling: bytes) -> bool:
    """Whether as cp1252 these are accented letters and typographic signs between ASCII ones."""
    try:
        text = telling.decode("cp1252")
    except UnicodeDecodeError:
        return False
    foreign = {character for character in text if character > "\x7f"}
    return bool(foreign) and foreign <= _WESTERN and not _FOREIGN_RUN.search(text)
