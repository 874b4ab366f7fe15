"""Python's http.client against the demo. Usage: http_client.py PORT"""

import http.client
import sys

PORT = int(sys.argv[1])
PATIENCE_SECONDS = 20
# Below the demo's limit for bodies that it holds in memory.
BODY = bytes(n % 251 for n in range(900_000))


def connect():
    return http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE_SECONDS)


def ask(connection, method, target, **rest):
    connection.request(method, target, **rest)
    response = connection.getresponse()
    return response, response.read()


def expect(found, wanted):
    if found != wanted:
        raise SystemExit(f"{found!r:.200} is not {wanted!r:.200}")


def fnv(octets):
    value = 0xCBF29CE484222325
    for octet in octets:
        value = (value ^ octet) * 0x100000001B3 % (1 << 64)
    return value


def a_connection_is_kept():
    connection = connect()
    sockets = set()
    for _ in range(50):
        response, body = ask(connection, "GET", "/")
        expect((response.status, body, response.version), (200, b"hello\n", 11))
        sockets.add(connection.sock.getsockname())
    expect(len(sockets), 1)
    response, body = ask(connection, "GET", "/", headers={"Connection": "close"})
    expect((body, response.getheader("Connection"), connection.sock), (b"hello\n", "close", None))


def head_has_the_length_and_no_body():
    connection = connect()
    for _ in range(3):
        response, body = ask(connection, "HEAD", "/")
        expect((response.status, response.getheader("Content-Length"), body), (200, "6", b""))
        expect(ask(connection, "GET", "/")[1], b"hello\n")


def bodies_come_back():
    connection = connect()
    expect(ask(connection, "POST", "/echo", body=BODY)[1], BODY)
    # Whatever has no length is sent in chunks.
    parts = (BODY[at : at + 7919] for at in range(0, len(BODY), 7919))
    expect(ask(connection, "POST", "/echo", body=parts, encode_chunked=True,
               headers={"Transfer-Encoding": "chunked"})[1], BODY)
    expect(ask(connection, "POST", "/echo", body=iter([b"one", b"two"]))[1], b"onetwo")
    expect(ask(connection, "POST", "/echo", body=b"")[1], b"")
    expect(ask(connection, "GET", "/")[1], b"hello\n")


def an_upload_is_counted():
    connection = connect()
    parts = (BODY for _ in range(8))
    text = ask(connection, "POST", "/upload", body=parts)[1].decode()
    expect(text.split(" ")[0], str(8 * len(BODY)))
    text = ask(connection, "POST", "/upload", body=BODY[:10_000])[1].decode()
    expect(text, f"10000 octets, {fnv(BODY[:10_000]):016x}\n")


def chunks_of_an_answer_are_undone():
    connection = connect()
    response, body = ask(connection, "GET", "/stream?kib=1000")
    expect((response.getheader("Transfer-Encoding"), len(body)), ("chunked", 1000 << 10))
    expect(ask(connection, "GET", "/")[1], b"hello\n")


def an_interim_answer_is_no_answer():
    connection = connect()
    connection.putrequest("POST", "/echo")
    connection.putheader("Content-Length", "5")
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    connection.send(b"later")
    expect(connection.getresponse().read(), b"later")
    expect(ask(connection, "GET", "/")[1], b"hello\n")


def http_1_0_ends_the_connection():
    connection = connect()
    connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"
    response, body = ask(connection, "GET", "/")
    expect((response.status, body, connection.sock), (200, b"hello\n", None))
    response, body = ask(connection, "GET", "/stream?kib=100")
    expect((response.getheader("Transfer-Encoding"), len(body)), (None, 100 << 10))


def a_refusal_is_read():
    connection = connect()
    expect(ask(connection, "GET", "/" + "x" * 20_000)[0].status, 414)
    expect(ask(connection, "GET", "/none")[0].status, 404)


for check in [
    a_connection_is_kept,
    head_has_the_length_and_no_body,
    bodies_come_back,
    an_upload_is_counted,
    chunks_of_an_answer_are_undone,
    an_interim_answer_is_no_answer,
    http_1_0_ends_the_connection,
    a_refusal_is_read,
]:
    check()
    print(f"{check.__name__}: well", flush=True)
