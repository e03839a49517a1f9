"""A server of S3 on this machine: as much of it as Arrow asks for, wrong on request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET, KEY_ID, SECRET = "flatprior-tests", "A-KEY-OF-TESTS", "a-secret-of-tests"


class Store:
    """What is stored, by key, and what is to go wrong."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.changed: dict[str, int] = {}  # seconds by which an object is younger
        self.denies = False
        self.requests: list[str] = []
        self.endpoint = ""

    def put(self, key: str, content: bytes) -> None:
        self.changed[key] = self.changed.get(key, -1) + 1
        self.objects[key] = content

    def modified(self, key: str, form: str) -> str:
        minutes, seconds = divmod(self.changed[key], 60)
        if form == "http":
            return f"Wed, 01 Jan 2025 00:{minutes:02}:{seconds:02} GMT"
        return f"2025-01-01T00:{minutes:02}:{seconds:02}.000Z"


@contextmanager
def object_store() -> Iterator[Store]:
    """Serve a store until the end."""
    store = Store()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None:
            pass

        def answer(self) -> None:
            split = urlsplit(self.path)
            bucket, _, key = unquote(split.path).lstrip("/").partition("/")
            store.requests.append(f"{self.command} {key}")
            if store.denies or KEY_ID not in self.headers.get("Authorization", ""):
                told = f"no access with {KEY_ID} and {SECRET}"
                self.reply(
                    403, f"<Error><Code>AccessDenied</Code><Message>{told}</Message></Error>"
                )
            elif bucket != BUCKET:
                self.reply(404, "<Error><Code>NoSuchBucket</Code></Error>")
            elif not key:
                self.listing(parse_qs(split.query))
            elif key not in store.objects:
                self.reply(404, "<Error><Code>NoSuchKey</Code></Error>")
            else:
                self.send(key)

        def listing(self, query: dict[str, list[str]]) -> None:
            prefix, delimiter = (query.get(name, [""])[0] for name in ("prefix", "delimiter"))
            keys, folders = [], set()
            for key in sorted(store.objects):
                if key.startswith(prefix):
                    below = key[len(prefix) :].partition(delimiter)[0] if delimiter else key
                    if delimiter and delimiter in key[len(prefix) :]:
                        folders.add(prefix + below + delimiter)
                    else:
                        keys.append(key)
            contents = "".join(
                f"<Contents><Key>{escape(key)}</Key><Size>{len(store.objects[key])}</Size>"
                f"<LastModified>{store.modified(key, 'xml')}</LastModified></Contents>"
                for key in keys
            ) + "".join(
                f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
                for name in sorted(folders)
            )
            self.reply(
                200,
                f"<ListBucketResult><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix>"
                f"<KeyCount>{len(keys) + len(folders)}</KeyCount><MaxKeys>1000</MaxKeys>"
                f"<IsTruncated>false</IsTruncated>{contents}</ListBucketResult>",
            )

        def send(self, key: str) -> None:
            content, asked = store.objects[key], self.headers.get("Range")
            start, stop = 0, len(content)
            if asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                start, stop = int(first), min(int(last or stop - 1) + 1, stop)
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
            self.send_header("Last-Modified", store.modified(key, "http"))
            self.send_header("ETag", f'"{hash(content):x}"')
            self.send_header("Content-Length", str(stop - start))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content[start:stop])

        def reply(self, status: int, body: str) -> None:
            data = f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("x-amz-bucket-region", "us-east-1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    store.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
