"""Pages as they are found on the web, with what a browser makes of them.

``tests/browser/test_page_titles.py`` asks Chromium whether that is so.
"""

from __future__ import annotations

from dataclasses import dataclass

HTML = "text/html"
# Each is 195 and 169, that is "é" in UTF-8, in another encoding.
E_UTF8 = b"<title>\xc3\xa9</title>"
KOI8 = "ц╘"
# No UTF-8, and French enough for a browser that guesses.
FRENCH = (
    b"<title>d\xe9j\xe0</title>" + b"<p>Tr\xe8s fran\xe7ais, d\xe9j\xe0 vu, pass\xe9 \xe0 No\xebl."
)
LATIN = "déjà"


@dataclass(frozen=True)
class WebPage:
    """A body with its Content-Type, and what ``document`` says of it in a browser."""

    name: str
    body: bytes
    content_type: str
    title: str
    charset: str


def _named(charset: str, text: bytes) -> bytes:
    return b"<meta charset=" + charset.encode() + b"><title>" + text + b"</title>"


ENCODED = [
    WebPage("utf8", E_UTF8, f"{HTML}; charset=utf-8", "é", "UTF-8"),
    WebPage("gb2312", _named("gb2312", "朱镕基€".encode("gb18030")), HTML, "朱镕基€", "GBK"),
    WebPage("gbk", _named("gbk", "㐀😀".encode("gb18030")), HTML, "㐀😀", "GBK"),
    WebPage("shift_jis", _named("shift_jis", "①～㈱".encode("cp932")), HTML, "①～㈱", "Shift_JIS"),
    WebPage("euc-jp", _named("euc-jp", b"\xad\xa1\xa1\xc1\xad\xea"), HTML, "①～㈱", "EUC-JP"),
    WebPage(
        "iso-2022-jp", _named("iso-2022-jp", b"\x1b$B-!F|K\\\x1b(B"), HTML, "①日本", "ISO-2022-JP"
    ),
    WebPage("big5", _named("big5", b"\xf9\xd6\xa3\xe1\xc6\xa1"), HTML, "碁€①", "Big5"),
    WebPage("korean", _named("ks_c_5601-1987", b"\x81\x41\xb0\xa1"), HTML, "갂가", "EUC-KR"),
    WebPage("latin1", b"<title>\x80\x93\xe9</title>", f"{HTML}; charset=ISO-8859-1", "€“é",
            "windows-1252"),
    WebPage("ascii", b"<title>\x80\xe9</title>", f"{HTML}; charset=us-ascii", "€é",
            "windows-1252"),
    WebPage("turkish", b"<title>\x80\xfd</title>", f"{HTML}; charset=iso-8859-9", "€ı",
            "windows-1254"),
    WebPage("thai", b"<title>\x80\xa1</title>", f"{HTML}; charset=iso-8859-11", "€ก",
            "windows-874"),
    WebPage("user", b"<title>\x80</title>", f"{HTML}; charset=x-user-defined", "\uf780",
            "x-user-defined"),
    WebPage("user in meta", _named("x-user-defined", b"\x80"), HTML, "€", "windows-1252"),
    WebPage("utf16", "<title>é</title>".encode("utf-16le"), f"{HTML}; charset=utf-16", "é",
            "UTF-16LE"),
    WebPage("utf16 in meta", _named("utf-16", b"\xc3\xa9"), HTML, "é", "UTF-8"),
    WebPage("replacement", b"<title>x</title>", f"{HTML}; charset=iso-2022-kr", "", "replacement"),
    # What wins.
    WebPage("mark", b"\xef\xbb\xbf" + E_UTF8, f"{HTML}; charset=koi8-r", "é", "UTF-8"),
    WebPage("mark le", b"\xff\xfe" + "<title>é</title>".encode("utf-16le"),
            f"{HTML}; charset=utf-8", "é", "UTF-16LE"),
    WebPage("mark be", b"\xfe\xff" + "<title>é</title>".encode("utf-16be"), HTML, "é", "UTF-16BE"),
    WebPage("header", _named("utf-8", b"\xc3\xa9"), f"{HTML}; charset=koi8-r", KOI8, "KOI8-R"),
    WebPage("header quoted", E_UTF8, f'{HTML};charset="koi8-r"', KOI8, "KOI8-R"),
    WebPage("header in capitals", E_UTF8, "TEXT/HTML;CHARSET=KOI8-R", KOI8, "KOI8-R"),
    WebPage("header twice", E_UTF8, f"{HTML}; charset=koi8-r; charset=utf-8", KOI8, "KOI8-R"),
    WebPage("header unknown", _named("koi8-r", b"\xc3\xa9"), f"{HTML}; charset=no-such", KOI8,
            "KOI8-R"),
    WebPage("header of Python", _named("koi8-r", b"\xc3\xa9"), f"{HTML}; charset=idna", KOI8,
            "KOI8-R"),
    WebPage("meta of Python", b"<meta charset=rot13>" + _named("koi8-r", b"\xc3\xa9"), HTML, KOI8,
            "KOI8-R"),
    WebPage("header utf-7", b"<title>+AOk-</title>", f"{HTML}; charset=utf-7", "+AOk-",
            "windows-1252"),
    WebPage("http-equiv",
            b"<meta http-equiv=Content-Type content='text/html; charset=koi8-r'>" + E_UTF8, HTML,
            KOI8, "KOI8-R"),
    WebPage("declaration", b"<?xml version='1.0' encoding='koi8-r'?>" + E_UTF8, HTML, KOI8,
            "KOI8-R"),
    WebPage("declaration and meta",
            b"<?xml version='1.0' encoding='koi8-r'?>" + _named("utf-8", b"\xc3\xa9"), HTML, "é",
            "UTF-8"),
    WebPage("xhtml",
            b"<?xml version='1.0' encoding='koi8-r'?><html xmlns='http://www.w3.org/1999/xhtml'>"
            b"<head><script src='x.js'/><title>\xc3\xa9 &amp; x</title></head></html>",
            "application/xhtml+xml", f"{KOI8} & x", "KOI8-R"),
    # What does not count.
    WebPage("in a comment", b"<!-- <meta charset=koi8-r> -->" + FRENCH, HTML, LATIN,
            "windows-1252"),
    WebPage("in a script", b"<script>'<meta charset=koi8-r>'</script>" + FRENCH, HTML,
            LATIN, "windows-1252"),
    WebPage("in the text", b"<p charset=koi8-r>charset=koi8-r</p>" + FRENCH, HTML, LATIN,
            "windows-1252"),
    WebPage("without http-equiv", b"<meta content='text/html; charset=koi8-r'>" + FRENCH,
            HTML, LATIN, "windows-1252"),
    WebPage("after the title", E_UTF8 + b"<meta charset=koi8-r>", HTML, KOI8, "KOI8-R"),
    WebPage("late", b"<head><style>" + b"x" * 3000 + b"</style>" + _named("koi8-r", b"\xc3\xa9"),
            HTML, KOI8, "KOI8-R"),
    WebPage("late in a body", b"<body><p>" + b"x" * 3000 + b"</p>" + b"<meta charset=koi8-r>"
            + FRENCH, HTML, LATIN, "windows-1252"),
    WebPage("parameter of another name", FRENCH, f"{HTML}; xcharset=koi8-r", LATIN,
            "windows-1252"),
]  # fmt: skip

_REAL = b"<title>real</title>"
_MARKUP: list[tuple[bytes, str]] = [
    (b"<title>a < b & c</title>", "a < b & c"),
    (b"<!-- <title>c</title> -->" + _REAL, "real"),
    (b"<!--><title>c</title> -->", "c"),
    (b"<script>'<title>c</title>'</script>" + _REAL, "real"),
    (b"<style><title>c</title></style>" + _REAL, "real"),
    (b"<svg><title>c</title></svg>" + _REAL, "real"),
    (b"<body><svg><title>c</title></svg>", ""),
    (b"<svg/>" + _REAL, "real"),
    (b"<svg><p>" + _REAL, "real"),
    (b"<svg><foreignObject><title>c</title></foreignObject></svg>" + _REAL, "c"),
    (b"<math><title>c</title></math>" + _REAL, "real"),
    (b"<noscript><title>c</title></noscript>" + _REAL, "real"),
    (b"<template><title>c</title></template>" + _REAL, "real"),
    (b"<textarea><title>c</title></textarea>" + _REAL, "real"),
    (b"<iframe><title>c</title></iframe>" + _REAL, "real"),
    (b"<a title='<title>c</title>'></a>" + _REAL, "real"),
    (b"<body><div>" + _REAL + b"</div>", "real"),
    (b"<table>" + _REAL + b"</table>", "real"),
    (b"<head>" + _REAL + b"</head><frameset><frame></frameset>", "real"),
    (b"<frameset></frameset>" + _REAL, ""),
    (b"<title>1</title><title>2</title>", "1"),
    (b"<title></title><title>2</title>", ""),
    (b"<p>none", ""),
    (b"", ""),
    (b"<title>x <b>y", "x <b>y"),
    (b"<TITLE lang='en'>Upper</TITLE >", "Upper"),
    (b"<title data-x='>'>x</title>", "x"),
    (b"<title> \n a \t\x0c b\r\n c </title>", "a b c"),
    (b"<title>&nbsp;a &nbsp; b</title>", "\xa0a \xa0 b"),
    (b"<title>&copy &eacute;&#x80;&#0;&notit; &lt;b&gt;</title>", "© é€�¬it; <b>"),
    (b"<title>a\0b</title>", "a�b"),
]
MARKED_UP = [
    WebPage(f"markup {number}", body, f"{HTML}; charset=utf-8", title, "UTF-8")
    for number, (body, title) in enumerate(_MARKUP)
]

_X = b"<title>x</title>"
TYPED = [
    WebPage("text", _X, "text/plain", "", "windows-1252"),
    WebPage("two types", _X, "text/html, text/html", "x", "windows-1252"),
    WebPage("xml", b"<?xml version='1.0'?><r><title>x</title></r>", "application/xml", "", "UTF-8"),
    WebPage("no type", b"\n" + _X, "", "x", "windows-1252"),
    WebPage("no type and a declaration", b"<!DOCTYPE HTML>" + _X, "", "x", "windows-1252"),
    WebPage("no type and text", b"hello " + _X, "", "", "windows-1252"),
    WebPage("no type and no tag of a beginning", b"<x>" + _X, "", "", "windows-1252"),
]

PAGES = [*ENCODED, *MARKED_UP, *TYPED]
