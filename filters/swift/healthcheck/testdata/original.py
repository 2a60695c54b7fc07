"""Ask Swift's healthcheck filter: cases come as JSON, answers go as JSON."""
import io
import json
import sys

from swift.common.middleware.healthcheck import filter_factory


def inner(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"inner"]


def ask(case):
    app = filter_factory({}, **case["options"])(inner)
    environ = {
        "REQUEST_METHOD": case["method"], "SCRIPT_NAME": case["script"], "PATH_INFO": case["path"],
        "QUERY_STRING": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
    }
    got = {}

    def start_response(status, headers, exc_info=None):
        got["status"] = int(status.split()[0])
        got["header"] = dict(headers)

    got["body"] = b"".join(app(environ, start_response)).decode()
    return got


json.dump([ask(case) for case in json.load(sys.stdin)], sys.stdout)
