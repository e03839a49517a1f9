import os
import threading

import pytest

from flatprior.models.common import writing as _files
from flatprior.models.common.writing import replacing, writable, write_json

posix = pytest.mark.skipif(os.name != "posix", reason="files of POSIX")


def test_a_protected_file_is_not_replaced_whoever_asks(tmp_path):
    path = tmp_path / "kept.json"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=r"protected against writing \(mode 444\)"):
        write_json(path, {})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    path.chmod(0o640)
    write_json(path, {})
    assert path.stat().st_mode & 0o777 == 0o640


@posix
def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    for name, there in (("link", True), ("dangling", False)):
        target, link = tmp_path / f"target of {name}", tmp_path / name
        if there:
            target.write_text("old")
        link.symlink_to(target.name)
        write_json(link, {"a": 1})
        assert link.is_symlink()
        assert target.read_text() == '{\n "a": 1\n}\n'


@posix
def test_what_is_no_regular_file_is_written_into(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_json(pipe, {"a": 1})
    reader.join()
    assert got == ['{\n "a": 1\n}\n']
    assert pipe.is_fifo()
    write_json(os.devnull, {})
    assert not os.path.isfile(os.devnull)
    assert list(tmp_path.iterdir()) == [pipe]


@posix
@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}", "link"])
def test_the_name_of_an_open_file_is_written_into_where_it_stands(tmp_path, form):
    path = tmp_path / "out"
    with path.open("w") as file:
        file.write("before\n")
        file.flush()
        name = form.format(file.fileno())
        if form == "link":  # as /dev/stdout is one
            name = tmp_path / "link"
            name.symlink_to(f"/proc/self/fd/{file.fileno()}")
        write_json(name, {"a": 1})
        file.write("after\n")
    assert path.read_text() == 'before\n{\n "a": 1\n}\nafter\n'


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(OSError, match="is a folder"):
        writable(tmp_path)


def test_an_empty_name_is_no_file():
    with pytest.raises(FileNotFoundError, match="the name of the file to write is empty; name one"):
        write_json("", {})


def test_what_was_written_is_known_and_what_failed_is_not(tmp_path):
    _files.written.clear()
    write_json(tmp_path / "a", {})
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "b"):
        raise KeyboardInterrupt
    assert _files.written == [str(tmp_path / "a")]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")

    def interrupted():
        with replacing(path) as temporary:
            temporary.write_text("half of the new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_who_has_the_old_file_open_goes_on_reading_it(tmp_path):
    path = tmp_path / "facts.json"
    write_json(path, {"old": 1})
    with path.open() as reader:
        write_json(path, {"new": 2})
        assert reader.read() == '{\n "old": 1\n}\n'
    assert path.read_text() == '{\n "new": 2\n}\n'
