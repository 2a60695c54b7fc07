"""The application of the Python servers: our two answers, with a request id."""

import uuid

ANSWERS = {"/v1/small": b"{{.Small}}", "/v1/large": b"x" * {{.LargeSize}}}


def application(environ, start_response):
    body = ANSWERS[environ["PATH_INFO"]]
    start_response("200 OK", [
        ("Content-Type", "text/plain"),
        ("Content-Length", str(len(body))),
        ("X-Request-Id", "req-" + str(uuid.uuid4())),
    ])
    return [body]
