import os
import pickle

import pytest

from textzero.errors import InputError, ResourceError
from textzero.store import Store


@pytest.fixture(params=["local", "file://", "memory://"])
def store(request, tmp_path):
    if request.param == "memory://":
        import fsspec

        store = Store(f"memory://textzero-{os.getpid()}-{tmp_path.name}")
        yield store
        fsspec.filesystem("memory").store.clear()
        return
    yield Store(tmp_path / "s" if request.param == "local" else f"file://{tmp_path}/s")


def test_what_is_written_is_read(store):
    assert store.names() == []
    with store.create("b") as file:
        file.write(b"text")
    with store.child("below").create("c") as file:
        file.write(b"")
    with store.create("a") as file:
        file.write(bytes(5_000_000))
    assert store.names() == ["a", "b"] and store.folders() == ["below"]
    assert store.read("b") == b"text" and store.size("a") == 5_000_000
    with store.open("b") as file:
        file.seek(2)
        assert file.read() == b"xt"
    with store.create("b") as file:  # again, as a second worker would
        file.write(b"text")
    store.remove("b", "none")
    assert store.names() == ["a"]
    store.clear()
    store.clear()
    assert store.names() == []


def test_a_file_is_there_when_it_is_whole_and_not_before(store):
    with pytest.raises(KeyError), store.create("a") as file:
        file.write(bytes(1 << 16))
        assert store.names() == []
        raise KeyError
    assert store.names() == []
    assert not [name for name in everything(store) if "a" in name.rsplit("/", 1)[-1]]


def everything(store):
    import fsspec

    address = store.address if store.local is None else f"file://{store.local}"
    system, folder = fsspec.core.url_to_fs(address)
    system.invalidate_cache()
    return system.find(folder) if system.exists(folder) else []


def test_what_is_not_there_is_an_error_that_names_it(store):
    for ask in (store.read, store.size, store.open):
        with pytest.raises(InputError, match=r"none is not there"):
            ask("none")


def test_a_transfer_that_breaks_off_leaves_nothing(tmp_path, monkeypatch):
    import fsspec

    system = fsspec.filesystem("file")
    store = Store(f"file://{tmp_path}/s")

    def broken(here, there):  # noqa: ARG001
        with open(there, "wb") as file:
            file.write(b"half")
        raise ConnectionResetError(104, "Connection reset by peer")

    for step in ("put_file", "mv"):
        with monkeypatch.context() as patch:
            patch.setattr(type(system), step, staticmethod(broken))
            with pytest.raises(ResourceError, match=r"s/a cannot be written: Connection reset"):
                with store.create("a") as file:
                    file.write(b"whole")
        assert [name for name in os.listdir(tmp_path / "s") if name.startswith(".")] == []
    with store.create("a") as file:
        file.write(b"whole")
    assert os.listdir(tmp_path / "s") == ["a"]


def test_a_store_can_be_sent_and_keeps_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("s")
    store = Store("s").child("t")
    sent = pickle.loads(pickle.dumps(store))
    monkeypatch.chdir("/")
    with sent.create("a") as file:
        file.write(b"1")
    assert (tmp_path / "s" / "t" / "a").read_bytes() == b"1"


def test_a_worker_that_comes_late_leaves_nothing(tmp_path):
    (tmp_path / "s").mkdir()
    sent = pickle.loads(pickle.dumps(Store(tmp_path / "s" / "t")))
    (tmp_path / "s").rmdir()
    with pytest.raises(ResourceError, match="s/t is "), sent.create("a"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_store_in_memory_is_not_sent_to_another_process(store, monkeypatch):
    content = pickle.dumps(store)
    monkeypatch.setattr("multiprocessing.parent_process", object)  # as in a worker
    if store.address.startswith("memory:"):
        with pytest.raises(ResourceError, match="in the memory of one process; name a folder"):
            pickle.loads(content)
    else:
        assert pickle.loads(content).names() == []


def test_an_address_that_nobody_opens_is_told():
    with pytest.raises(ValueError, match="must not be empty"):
        Store("")
    with pytest.raises(ResourceError, match="nobody://x cannot be opened"):
        Store("nobody://x").names()
