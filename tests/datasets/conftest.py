"""A server for downloads, and places to download to."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pykeen.datasets.utils
import pytest
from pykeen.datasets import dataset_resolver

import pykeen_dhns.datasets.base
from pykeen_dhns.datasets import PublishedDataset

from .small import FILES, Small


class Server(ThreadingHTTPServer):
    """A server of the small dataset's files that answers as told, and correctly otherwise."""

    #: wait for no handler that is still busy being slow
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        """Listen on a free port of the loopback interface."""
        super().__init__(("127.0.0.1", 0), Handler)
        #: what was asked for, and what the next answers are
        self.paths: list[str] = []
        self.answers: list[str] = []

    @property
    def url(self) -> str:
        """The URL of the folder with datasets."""
        return f"http://127.0.0.1:{self.server_port}/benchmarks"


class Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    server: Server

    def do_GET(self) -> None:
        """Answer a request."""
        self.server.paths.append(self.path)
        answer = self.server.answers.pop(0) if self.server.answers else "right"
        content = FILES[Path(self.path).name]
        if answer == "missing":
            self.send_error(404)
            return
        if answer == "silent":
            time.sleep(1)
            return
        self.send_response(200)
        if answer != "cut off, without length":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if answer == "wrong":
            content = content[::-1]
        half = len(content) // 2
        if answer == "slow":
            for part in (content[:1], content[1:half], content[half:-1], content[-1:]):
                self.wfile.write(part)
                time.sleep(0.1)
        elif answer == "stalled":
            self.wfile.write(content[:half])
            time.sleep(1)
        else:
            self.wfile.write(content[:half] if answer.startswith("cut off") else content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(name="server")
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Run a server, and make the small dataset come from there."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs=dict(poll_interval=0.01))
        thread.start()
        monkeypatch.setattr(Small, "base_url", server.url)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(name="home", autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """Give PyKEEN another place for its datasets, and hide the published ones."""
    if "published" in request.fixturenames:
        # which looks where the variable says
        request.getfixturevalue("published")
    home = tmp_path / "pykeen" / "datasets"
    for module in (pykeen.datasets.utils, pykeen_dhns.datasets.base):
        monkeypatch.setattr(module, "PYKEEN_DATASETS", home)
    monkeypatch.delenv("PYKEEN_DHNS_DATA", raising=False)
    return home


@pytest.fixture(name="small")
def _small(monkeypatch: pytest.MonkeyPatch) -> type[PublishedDataset]:
    """Register the small dataset."""
    monkeypatch.setitem(dataset_resolver.lookup_dict, "small", Small)
    return Small
