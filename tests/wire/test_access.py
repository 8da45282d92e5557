"""Who may send a request: a table of what pages, strangers and honest clients show."""

from __future__ import annotations

import pytest

from hdaemon.wire.access import Access, WrongToken, hosts_of
from hdaemon.wire.heads import HttpError, parse_head

OK = 0
LOCAL = Access((), 2000)
PORT_80 = Access((), 80)
STUDIO = Access((), 2000, origins=("https://studio.example", "http://studio.example:8080"))
NAMED = Access(("192.168.1.7", "Render-01.lan", "[fe80::7]"), 2000)
TOKEN = Access((), 2000, token="s3cret-Token_")
BOTH = Access((), 2000, token="s3cret-Token_", origins=("https://studio.example",))
UTF8_TOKEN = Access((), 2000, token="größe")

H = "Host: 127.0.0.1:2000"
BEARER = "Authorization: Bearer s3cret-Token_"
STUDIO_PAGE = "Origin: https://studio.example"
WEBSOCKET = ("Connection: Upgrade", "Upgrade: websocket")
OFFER = "Sec-WebSocket-Protocol: hdaemon, bearer.s3cret-Token_"

# access, headers, status
TABLE: list[tuple[Access, tuple[str, ...], int]] = [
    # Host: the names of loopback, with the port
    (LOCAL, ("Host: 127.0.0.1:2000",), OK),
    (LOCAL, ("Host: localhost:2000",), OK),
    (LOCAL, ("Host: LOCALHOST:2000",), OK),
    (LOCAL, ("host:localhost:2000",), OK),
    (LOCAL, ("Host: [::1]:2000",), OK),
    (LOCAL, (), 400),
    (LOCAL, ("Host:",), 400),
    (LOCAL, (H, H), 400),
    (LOCAL, (H, "Host: evil.test:2000"), 400),
    (LOCAL, ("Host: evil.test:2000", H), 400),
    (LOCAL, ("Host: 127.0.0.1:2000, 127.0.0.1:2000",), 400),
    (LOCAL, ("Host: 127.0.0.1:2000 evil.test",), 400),
    (LOCAL, ("Host: 127.0.0.1",), 400),
    (LOCAL, ("Host: localhost",), 400),
    (LOCAL, ("Host: 127.0.0.1:",), 400),
    (LOCAL, ("Host: 127.0.0.1:80",), 400),
    (LOCAL, ("Host: 127.0.0.1:2001",), 400),
    (LOCAL, ("Host: 127.0.0.1:02000",), 400),
    (LOCAL, ("Host: 127.0.0.1:20000",), 400),
    (LOCAL, ("Host: 127.0.0.1:2000:2000",), 400),
    (LOCAL, ("Host: 127.0.0.1:2000/",), 400),
    (LOCAL, ("Host: http://127.0.0.1:2000",), 400),
    (LOCAL, ("Host: user@127.0.0.1:2000",), 400),
    (LOCAL, ("Host: evil.test#127.0.0.1:2000",), 400),
    (LOCAL, ("Host: localhost.:2000",), 400),
    (LOCAL, ("Host: 127.0.0.1.:2000",), 400),
    (LOCAL, ("Host: localhost.localdomain:2000",), 400),
    (LOCAL, ("Host: localhost.evil.test:2000",), 400),
    (LOCAL, ("Host: evil.localhost:2000",), 400),
    (LOCAL, ("Host: ::1:2000",), 400),
    (LOCAL, ("Host: [::1]",), 400),
    (LOCAL, ("Host: [::1%lo]:2000",), 400),
    (LOCAL, ("Host: [0:0:0:0:0:0:0:1]:2000",), 400),
    (LOCAL, ("Host: [::ffff:127.0.0.1]:2000",), 400),
    (LOCAL, ("Host: [::]:2000",), 400),
    (LOCAL, ("Host: 0.0.0.0:2000",), 400),
    (LOCAL, ("Host: 0:2000",), 400),
    (LOCAL, ("Host: 2130706433:2000",), 400),
    (LOCAL, ("Host: 0x7f000001:2000",), 400),
    (LOCAL, ("Host: 0177.0.0.1:2000",), 400),
    (LOCAL, ("Host: 127.1:2000",), 400),
    (LOCAL, ("Host: 127.0.0.2:2000",), 400),
    (LOCAL, ("Host: 192.168.1.7:2000",), 400),
    # names that a stranger makes point at this machine (DNS rebinding)
    (LOCAL, ("Host: evil.test:2000",), 400),
    (LOCAL, ("Host: 127.0.0.1.nip.io:2000",), 400),
    (LOCAL, ("Host: localtest.me:2000",), 400),
    (LOCAL, ("Host: \xe9vil.test:2000",), 400),
    (LOCAL, ("X-Forwarded-Host: 127.0.0.1:2000", "Host: evil.test:2000"), 400),
    # the port that is left out
    (PORT_80, ("Host: localhost",), OK),
    (PORT_80, ("Host: [::1]",), OK),
    (PORT_80, ("Host: localhost:80",), OK),
    (PORT_80, ("Host: evil.test",), 400),
    (PORT_80, (H,), 400),
    # a server with names of its own
    (NAMED, ("Host: 192.168.1.7:2000",), OK),
    (NAMED, ("Host: render-01.LAN:2000",), OK),
    (NAMED, ("Host: [FE80::7]:2000",), OK),
    (NAMED, (H,), OK),
    (NAMED, ("Host: 192.168.1.7",), 400),
    (NAMED, ("Host: 192.168.1.70:2000",), 400),
    (NAMED, ("Host: fe80::7:2000",), 400),
    (NAMED, ("Host: render-01:2000",), 400),
    # Origin
    (LOCAL, (H, "Origin: http://evil.test"), 403),
    (LOCAL, (H, "Origin: null"), 403),
    (LOCAL, (H, "Origin:"), 403),
    (LOCAL, (H, "Origin: http://127.0.0.1:2000"), 403),
    (LOCAL, (H, "Origin: http://localhost:2000"), 403),
    (LOCAL, (H, "Origin: file://"), 403),
    (LOCAL, (H, "Origin: https://studio.example"), 403),
    (LOCAL, (H, "Referer: http://evil.test/"), OK),  # anyone may leave it out: it proves nothing
    (STUDIO, (H,), OK),
    (STUDIO, (H, "Origin: https://studio.example"), OK),
    (STUDIO, (H, "Origin: http://studio.example:8080"), OK),
    (STUDIO, (H, "Origin: http://studio.example"), 403),
    (STUDIO, (H, "Origin: https://studio.example:8080"), 403),
    (STUDIO, (H, "Origin: https://studio.example/"), 403),
    (STUDIO, (H, "Origin: https://studio.example.evil.test"), 403),
    (STUDIO, (H, "Origin: https://sub.studio.example"), 403),
    (STUDIO, (H, "Origin: https://STUDIO.example"), 403),  # browsers send it in lower case
    (STUDIO, (H, "Origin: https://studio.example http://evil.test"), 403),
    (STUDIO, (H, "Origin: null"), 403),
    (STUDIO, (H, "Origin: https://studio.example", "Origin: null"), 403),
    (STUDIO, (H, "Origin: null", "Origin: https://studio.example"), 403),
    (STUDIO, ("Host: evil.test:2000", "Origin: https://studio.example"), 400),
    # Sec-Fetch-Site
    (LOCAL, (H, "Sec-Fetch-Site: none"), OK),
    (LOCAL, (H, "Sec-Fetch-Site: same-origin"), OK),
    (LOCAL, (H, "Sec-Fetch-Site: same-site"), 403),
    (LOCAL, (H, "Sec-Fetch-Site: cross-site"), 403),
    (LOCAL, (H, "sec-fetch-site:cross-site"), 403),
    (LOCAL, (H, "Sec-Fetch-Site:"), 403),
    (LOCAL, (H, "Sec-Fetch-Site: NONE"), 403),
    (LOCAL, (H, "Sec-Fetch-Site: none, cross-site"), 403),
    (LOCAL, (H, "Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"), 403),
    (LOCAL, (H, "Sec-Fetch-Site: same-origin", "Origin: http://evil.test"), 403),
    (STUDIO, (H, "Sec-Fetch-Site: cross-site", "Origin: https://studio.example"), OK),
    (STUDIO, (H, "Sec-Fetch-Site: cross-site", "Origin: http://evil.test"), 403),
    (STUDIO, (H, "Sec-Fetch-Site: cross-site"), 403),  # an image of the allowed page: it names no page
    (LOCAL, (H, "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"), OK),
    # the token
    (TOKEN, (H, BEARER), OK),
    (TOKEN, (H, "authorization: bearer s3cret-Token_"), OK),
    (TOKEN, (H, "Authorization: BEARER   s3cret-Token_"), OK),
    (TOKEN, (H,), 401),
    (TOKEN, (H, "Authorization:"), 401),
    (TOKEN, (H, "Authorization: Bearer"), 401),
    (TOKEN, (H, "Authorization: s3cret-Token_"), 401),
    (TOKEN, (H, "Authorization: Bearer wrong"), 401),
    (TOKEN, (H, "Authorization: Bearer S3CRET-TOKEN_"), 401),
    (TOKEN, (H, "Authorization: Bearer s3cret-Token"), 401),
    (TOKEN, (H, "Authorization: Bearer s3cret-Token_x"), 401),
    (TOKEN, (H, "Authorization: Bearer s3cret-Token_ x"), 401),
    (TOKEN, (H, "Authorization: Bearer\ts3cret-Token_"), 401),
    (TOKEN, (H, "Authorization: Bearer s3cret-Token_\xa0"), 401),
    (TOKEN, (H, "Authorization: Bearer s3cret-T\xf6ken_"), 401),
    (TOKEN, (H, "Authorization: Bearer \xff\xfe"), 401),
    (TOKEN, (H, "Authorization: Basic s3cret-Token_"), 401),
    (TOKEN, (H, "Authorization: Basic czNjcmV0LVRva2VuXw=="), 401),
    (TOKEN, (H, "Authorization: Bearer wrong", BEARER), 401),
    (TOKEN, (H, "Proxy-Authorization: Bearer s3cret-Token_"), 401),
    (TOKEN, (H, "Cookie: token=s3cret-Token_"), 401),
    (TOKEN, ("Host: evil.test:2000", BEARER), 400),
    (TOKEN, (H, BEARER, "Origin: http://evil.test"), 403),
    (TOKEN, (H, BEARER, "Sec-Fetch-Site: cross-site"), 403),
    (LOCAL, (H, "Authorization: Bearer anything"), OK),
    # a page cannot give its WebSocket a header: it offers a protocol
    (TOKEN, (H, *WEBSOCKET, OFFER), OK),
    (TOKEN, (H, *WEBSOCKET, "Sec-WebSocket-Protocol: bearer.s3cret-Token_"), OK),
    (TOKEN, (H, *WEBSOCKET, "Sec-WebSocket-Protocol: hdaemon", "Sec-WebSocket-Protocol:bearer.s3cret-Token_"), OK),
    (TOKEN, (H, *WEBSOCKET, BEARER), OK),
    (TOKEN, (H, *WEBSOCKET), 401),
    (TOKEN, (H, OFFER), 401),  # not a WebSocket
    (TOKEN, (H, *WEBSOCKET, "Sec-WebSocket-Protocol: hdaemon"), 401),
    (TOKEN, (H, *WEBSOCKET, "Sec-WebSocket-Protocol: s3cret-Token_"), 401),
    (TOKEN, (H, *WEBSOCKET, "Sec-WebSocket-Protocol: Bearer.s3cret-Token_"), 401),
    (TOKEN, (H, *WEBSOCKET, "Sec-WebSocket-Protocol: bearer.wrong"), 401),
    (TOKEN, (H, *WEBSOCKET, "Sec-WebSocket-Protocol: bearer."), 401),
    (TOKEN, (H, *WEBSOCKET, "Sec-WebSocket-Protocol: bearer.wrong, bearer.s3cret-Token_"), 401),  # one guess a request
    (TOKEN, (H, *WEBSOCKET, OFFER, "Authorization: Bearer wrong"), 401),
    (TOKEN, (H, *WEBSOCKET, OFFER, "Origin: http://evil.test"), 403),
    (BOTH, (H, *WEBSOCKET, OFFER, STUDIO_PAGE), OK),
    (BOTH, (H, *WEBSOCKET, STUDIO_PAGE), 401),
    (UTF8_TOKEN, (H, "Authorization: Bearer " + "größe".encode().decode("latin-1")), OK),
    (UTF8_TOKEN, (H, "Authorization: Bearer größe"), 401),  # sent as Latin-1: other bytes
]


def check(access: Access, headers: tuple[str, ...], line: str = "PUT /channels/a") -> None:
    if "Upgrade: websocket" in headers:
        line = "GET /channels/a"
    lines = [f"{line} HTTP/1.1", *headers, "", ""]
    access.check(parse_head("\r\n".join(lines).encode("latin-1")))


def test_the_table_is_of_the_size_it_should_be() -> None:
    assert len(TABLE) > 100
    assert len({(access, headers) for access, headers, _ in TABLE}) == len(TABLE)


@pytest.mark.parametrize(("access", "headers", "status"), TABLE)
def test_access(access: Access, headers: tuple[str, ...], status: int) -> None:
    if status == OK:
        check(access, headers)
        return
    with pytest.raises(HttpError) as caught:
        check(access, headers)
    assert caught.value.status == status
    assert caught.value.headers == ((("WWW-Authenticate", "Bearer"),) if status == 401 else ())
    assert str(caught.value)


def test_http_1_0_without_a_host_is_refused_too() -> None:
    with pytest.raises(HttpError, match="this one has 0"):
        LOCAL.check(parse_head(b"GET / HTTP/1.0\r\n\r\n"))


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (("Host: evil.test:2000",), "'evil.test:2000' is not a name of this server: use 127.0.0.1:2000"),
        ((H, "Origin: http://evil.test"), "a page from 'http://evil.test' may not send"),
        ((H, "Sec-Fetch-Site: cross-site"), "another site"),
        ((H,), "Authorization: Bearer THE_TOKEN"),
    ],
)
def test_an_error_says_what_was_tried_and_what_to_do(headers: tuple[str, ...], words: str) -> None:
    with pytest.raises(HttpError) as caught:
        check(TOKEN, headers)
    assert words in str(caught.value)


@pytest.mark.parametrize("shown", ["s3cret-Token", "guess-of-a-stranger"])
def test_an_error_shows_no_token(shown: str) -> None:
    with pytest.raises(HttpError) as caught:
        check(TOKEN, (H, f"Authorization: Bearer {shown}"))
    assert "s3cret" not in str(caught.value)
    assert shown not in str(caught.value)


@pytest.mark.parametrize("name", ["Host", "Origin", "Sec-Fetch-Site"])
def test_an_error_quotes_little(name: str) -> None:
    headers = () if name == "Host" else (H,)
    with pytest.raises(HttpError) as caught:
        check(LOCAL, (*headers, f"{name}: {5000 * 'x'}"))
    assert len(str(caught.value)) < 300


ASKS = "Access-Control-Request-Method: PUT"
PREFLIGHTS = [
    (BOTH, (H, STUDIO_PAGE, ASKS), OK),  # a browser sends it without the token
    (STUDIO, (H, STUDIO_PAGE, ASKS), OK),
    (BOTH, (H, STUDIO_PAGE), 401),
    (BOTH, (H, ASKS), 401),
    (BOTH, (H, STUDIO_PAGE, ASKS, "Content-Length: 1"), 401),  # no stranger makes us hold a body
    (BOTH, (H, STUDIO_PAGE, ASKS, "Transfer-Encoding: chunked"), 401),
    (BOTH, (H, "Origin: http://evil.test", ASKS), 403),
    (LOCAL, (H, "Origin: null", ASKS), 403),
    (BOTH, ("Host: evil.test:2000", STUDIO_PAGE, ASKS), 400),
]


@pytest.mark.parametrize(("access", "headers", "status"), PREFLIGHTS)
def test_preflight(access: Access, headers: tuple[str, ...], status: int) -> None:
    if status == OK:
        check(access, headers, "OPTIONS /channels/a")
        if access.token is not None:  # what it is about shows its token
            with pytest.raises(HttpError, match="asks for its token"):
                check(access, headers)
        return
    with pytest.raises(HttpError) as caught:
        check(access, headers, "OPTIONS /channels/a")
    assert caught.value.status == status


@pytest.mark.parametrize(
    "query",
    ["token=s3cret-Token_", "subscribe=1&token=s3cret-Token_", "access_token=s3cret-Token_", "TOKEN=s3cret-Token_"],
)
@pytest.mark.parametrize("access", [LOCAL, TOKEN])
@pytest.mark.parametrize("more", [(), (BEARER,)])
def test_a_token_in_a_url_is_refused_and_not_repeated(access: Access, query: str, more: tuple[str, ...]) -> None:
    with pytest.raises(HttpError, match="does not belong into a URL") as caught:
        check(access, (H, *more), f"GET /channels/a?{query}")
    assert caught.value.status == 400
    assert "s3cret" not in str(caught.value)


def test_what_is_a_wrong_token_and_what_is_none() -> None:
    for headers, kind in (
        ((H,), HttpError),
        ((H, "Authorization: Bearer x"), WrongToken),
        ((H, "Authorization: Basic x"), WrongToken),
        ((H, *WEBSOCKET), HttpError),
        ((H, *WEBSOCKET, "Sec-WebSocket-Protocol: bearer.x"), WrongToken),
    ):
        with pytest.raises(HttpError) as caught:
            check(TOKEN, headers)
        assert type(caught.value) is kind


def test_what_it_asks_for_is_not_in_its_repr() -> None:
    assert "s3cret" not in repr(TOKEN)


@pytest.mark.parametrize(
    ("addresses", "hosts"),
    [
        (("127.0.0.1", "127.0.0.1"), {"127.0.0.1"}),
        (("localhost", "127.0.0.1"), {"localhost", "127.0.0.1"}),
        (("::1", "[::1]"), {"[::1]"}),
        (("0.0.0.0", "192.168.1.7"), {"192.168.1.7"}),
        (("::", "fe80::7"), {"[fe80::7]"}),
        (("[::]", "0.0.0.0"), set()),
    ],
)
def test_what_a_host_may_name_of_a_server(addresses: tuple[str, ...], hosts: set[str]) -> None:
    named = hosts_of(*addresses)
    assert set(named) == hosts
    assert len(named) == len(hosts)
