"""Which URLs are refused before anything is sent, and with what words."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.core.safe_http.urls import web_url
from jobs.errors import GiveUp, InvalidArguments
from tests.unit.web_server import LOCAL_NETWORK
from webapp.safe_http import FetchRefused, check_url
from webapp.tasks.fetch_url import fetch_url

# What is wrong with a URL, in the words that its submitter reads.
REFUSED = {
    "http://☃.example/": r"^The name of the host, xn--n3h\.example, is not valid: .*U\+2603",
    "http://xn--n3h.example/": r"^The name of the host, xn--n3h\.example, is not valid: .*U\+2603",
    "http://xn--a/": "not a URL that can be fetched: invalid international domain name",
    "http://exa mple.org/": "not a URL that can be fetched: invalid international domain name",
    "http://example.org%00/": "not a URL that can be fetched: invalid international domain name",
    "http://a..example/": "is not valid: a part of it is empty",
    "http://.example/": "is not valid: a part of it is empty",
    "http://-a.example/": "name of the host, .* is not valid",
    "http://*.example/": "name of the host, .* is not valid",
    f"http://{'a' * 64}.example/": "too long",
    f"http://{'a.' * 127}example/": "longer than 253 characters",
    "http://example.org:0/": "port 0",
    "http://example.org:65536/": "invalid port number",
    "http://example.org:80:80/": "invalid port number",
    "http://": "empty host",
    "http://user@/": "empty host",
    "http://[fe80::1%25eth0]/": "invalid IPv6 address",
    "http://[1:2]/": "invalid IPv6 address",
    "http://256.1.1.1/": "invalid IPv4 address",
    "http://1.2.3.4.5/": "invalid IPv4 address",
    "ftp://example.org/": "only http and https",
    "file:///etc/passwd": "only http and https",
    "javascript:alert(1)": "only http and https",
    "example.org": "relative URL without a base",
    "//example.org/": "relative URL without a base",
    "": "input is empty",
    "http://127.0.0.1/": r"^127\.0\.0\.1 is not a public address",
    "http://2130706433/": r"^127\.0\.0\.1 is not a public address",
    "http://[::1]/": "^::1 is not a public address",
}


@pytest.mark.parametrize("url", REFUSED)
def test_what_cannot_be_fetched_is_refused_in_words(url: str) -> None:
    with pytest.raises(FetchRefused, match=REFUSED[url]):
        check_url(url)


@pytest.mark.parametrize("url", REFUSED)
def test_it_is_refused_at_submission(url: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        fetch_url.spec.validate({"url": url})
    assert [error["pointer"] for error in caught.value.errors] == ["/url"]


@pytest.mark.parametrize("url", ["http://xn--n3h.example/", "http://a..example/", "http://h:0/"])
def test_a_job_that_is_older_than_the_check_fails_for_good(url: str) -> None:
    with pytest.raises(GiveUp):
        fetch_url.call(url)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "corrected"),
    [
        ("HTTP://EXAMPLE.ORG", "http://example.org/"),
        (r"http:\\example.org\a", "http://example.org/a"),
        ("  http://example.org/a b\n", "http://example.org/a%20b"),
        ("http://exam\tple.org/", "http://example.org/"),
        ("http:example.org", "http://example.org/"),
        ("http://bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC"),
        ("http://faß.example/", "http://xn--fa-hia.example/"),
        ("http://ＥＸＡＭＰＬＥ.org/", "http://example.org/"),
        ("http://a_b.example/", "http://a_b.example/"),
        ("http://example.org./", "http://example.org./"),
        ("http://example.org:80/", "http://example.org/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://0x8080808/", "http://8.8.8.8/"),
        ("http://[2606:4700::1111]/", "http://[2606:4700::1111]/"),
        ("http://intranet/", "http://intranet/"),
    ],
)
def test_what_a_browser_would_correct_is_corrected(url: str, corrected: str) -> None:
    assert str(web_url(url)) == corrected
    check_url(url)
    assert fetch_url.spec.validate({"url": url})


def test_an_address_of_an_allowed_network_is_taken(settings: Any) -> None:
    check_url("http://127.0.0.1/", LOCAL_NETWORK)
    settings.FETCH_ALLOW_NETWORKS = ["127.0.0.0/8"]
    assert fetch_url.spec.validate({"url": "http://127.0.0.1/"})
