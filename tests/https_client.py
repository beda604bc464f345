"""A small browser: HTTPS to a port of this machine under another host name, and cookies."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from http.cookies import Morsel, SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit


class Answer(NamedTuple):
    """A response that was read to its end."""

    status: int
    headers: dict[str, str]
    """By their names in lower case; of several with one name, the last."""
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class _Connection(http.client.HTTPSConnection):
    """Connects to 127.0.0.1, whatever the name is for which the certificate is checked."""

    def connect(self) -> None:
        self.host, name = "127.0.0.1", self.host
        http.client.HTTPConnection.connect(self)
        self.host = name
        assert self.sock is not None
        context: ssl.SSLContext = self._context  # type: ignore[attr-defined]
        self.sock = context.wrap_socket(self.sock, server_hostname=name)


class Browser:
    """Sends requests, keeps cookies by their path.

    Args:
        host: the name in addresses and of the certificate.
        port: of this machine.
        certificate: of the authority; without one it speaks plain HTTP.
        headers: sent with each request.
    """

    def __init__(
        self, host: str, port: int, certificate: Path | None = None, **headers: str
    ) -> None:
        self._host, self._port, self._headers = host, port, headers
        self._context = ssl.create_default_context(cafile=certificate) if certificate else None
        self.origin = f"http{'s' if certificate else ''}://{host}:{port}"
        self.cookies: dict[str, Morsel[str]] = {}

    def get(self, path: str, **headers: str) -> Answer:
        """Send a GET."""
        return self.request("GET", path, None, **headers)

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request to a path, or to a whole address of this origin.

        Underscores in the names of headers stand for hyphens.
        """
        path = path.removeprefix(self.origin)
        connection: http.client.HTTPConnection = (
            _Connection(self._host, self._port, timeout=60, context=self._context)
            if self._context
            else http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        )
        sent = {"Host": f"{self._host}:{self._port}", **self._headers, **headers}
        if cookie := self._cookie(path):
            sent["Cookie"] = cookie
        try:
            given = {name.replace("_", "-"): value for name, value in sent.items()}
            connection.request(method, path, body, given)
            response = connection.getresponse()
            for value in response.headers.get_all("Set-Cookie", []):
                self.cookies |= SimpleCookie(value)
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def _cookie(self, path: str) -> str:
        at = urlsplit(path).path
        fit = [one for one in self.cookies.values() if f"{at}/".startswith(f"{one['path']}/")]
        fit += [one for one in self.cookies.values() if one["path"] == "/"]
        return "; ".join(f"{one.key}={one.value}" for one in fit)

    def post_form(self, path: str, page: Answer, **values: str) -> Answer:
        """Send a form with the CSRF token of the page that shows it, as a browser does."""
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert found is not None, page.text
        body = urlencode({**values, "csrfmiddlewaretoken": found[1]}).encode()
        return self.request(
            "POST",
            path,
            body,
            Content_Type="application/x-www-form-urlencoded",
            Origin=self.origin,
            Referer=f"{self.origin}{path}",
        )
