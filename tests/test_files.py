"""Files are there whole or not at all."""

import os
import signal
import stat
import sys
import tempfile
import threading

import pytest

from mlops_cli.files import atomic_folder, atomic_open, atomic_path, write_json, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_text_is_written_with_its_folders(tmp_path):
    write_text(tmp_path / "a" / "b.txt", "größer\r\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "größer\r\n".encode()


def test_json_is_readable_by_people(tmp_path):
    write_json(tmp_path / "a.json", {"label": "größer"})
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n  "label": "größer"\n}\n'


def test_a_new_file_has_the_permissions_of_any_file(tmp_path):
    (tmp_path / "plain").touch()
    write_text(tmp_path / "ours", "")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")]
    assert modes[0] == modes[1]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), atomic_open(tmp_path / "a.txt") as stream:
        stream.write("new")
        raise ZeroDivisionError
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path):
    write_text(tmp_path / "a.bin", "old")
    with atomic_path(tmp_path / "a.bin") as temporary:
        temporary.write_bytes(b"new")
        assert temporary.suffix == ".bin"
        assert (tmp_path / "a.bin").read_text() == "old"
    assert (tmp_path / "a.bin").read_text() == "new"


@pytest.mark.parametrize("write", [atomic_folder, atomic_path])
def test_where_nothing_can_be_written_the_error_names_what_was_to_be(tmp_path, monkeypatch, write):
    def refuse(*words, prefix="", dir=None, **more):  # noqa: A002
        raise PermissionError(13, "Permission denied", f"{tmp_path}/.x.png.z24exd8s.png")

    for name in ("mkstemp", "mkdtemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    with pytest.raises(PermissionError) as raised, write(tmp_path / "x.png"):
        pass
    assert raised.value.filename == str(tmp_path / "x.png")


def test_a_folder_takes_the_place_of_the_old_one_as_a_whole(tmp_path):
    write_text(tmp_path / "bundle" / "stale", "")
    with atomic_folder(tmp_path / "bundle") as temporary:
        (temporary / "fresh").touch()
        assert names(tmp_path / "bundle") == ["stale"]
    assert names(tmp_path / "bundle") == ["fresh"]
    assert names(tmp_path) == ["bundle"]
    assert os.access(tmp_path / "bundle", os.R_OK | os.X_OK)


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path):
    write_text(tmp_path / "bundle" / "old", "")
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "bundle") as temporary:
        (temporary / "new").touch()
        raise ZeroDivisionError
    assert names(tmp_path / "bundle") == ["old"]
    assert names(tmp_path) == ["bundle"]


def test_a_folder_is_replaced_where_two_can_not_be_swapped(tmp_path, monkeypatch):
    monkeypatch.setattr("mlops_cli.files._exchange", lambda first, second: False)
    write_text(tmp_path / "bundle" / "stale", "")
    with atomic_folder(tmp_path / "bundle") as temporary:
        (temporary / "fresh").touch()
    assert names(tmp_path / "bundle") == ["fresh"]
    assert names(tmp_path) == ["bundle"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux swaps two folders in one step")
def test_there_is_a_whole_folder_at_every_moment(tmp_path):
    write_text(tmp_path / "bundle" / "a", "")
    done = threading.Event()
    missing = []

    def look():
        while not done.is_set():
            missing.extend([1] * (not (tmp_path / "bundle" / "a").exists()))

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(200):
        with atomic_folder(tmp_path / "bundle") as temporary:
            (temporary / "a").touch()
    done.set()
    reader.join()
    assert not missing


def write_half(place, write):
    """Begins to write in another process, which then waits to be killed."""
    reader, writer = os.pipe()
    process = os.fork()
    if not process:
        with write(place) as temporary:
            (temporary / "half" if write is atomic_folder else temporary).write_text("half")
            os.write(writer, b"!")
            signal.pause()
    os.read(reader, 1)
    return process


def kill(process):
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


@pytest.mark.parametrize("write", [atomic_folder, atomic_path])
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path, write):
    (tmp_path / ".model.backup").mkdir()
    kill(write_half(tmp_path / "model", write))
    (left,) = set(names(tmp_path)) - {".model.backup"}
    living = write_half(tmp_path / "model", write)
    assert left not in names(tmp_path)
    assert len(names(tmp_path)) == 2
    with write(tmp_path / "model"):
        pass
    assert len(names(tmp_path)) == 3
    kill(living)
    with write(tmp_path / "model"):
        pass
    assert names(tmp_path) == [".model.backup", "model"]
