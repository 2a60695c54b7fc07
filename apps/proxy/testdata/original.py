"""Ask Paste's proxies: cases come as JSON, answers go as JSON."""
import io
import json
import sys

from paste.proxy import make_proxy, make_transparent_proxy


def ask(case):
    options = case["options"]
    app = make_proxy({}, **options) if "address" in options else make_transparent_proxy({}, **options)
    environ = {
        "REQUEST_METHOD": case["method"], "SCRIPT_NAME": case["script"], "PATH_INFO": case["path"],
        "QUERY_STRING": case["query"], "SERVER_NAME": "front.test", "SERVER_PORT": "80", "REMOTE_ADDR": "10.0.0.9",
        "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
    }
    for name, value in case["headers"].items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    got = {}

    def start_response(status, headers, exc_info=None):
        got["status"] = int(status.split()[0])
        got["header"] = {name.title(): value for name, value in headers}

    got["body"] = b"".join(app(environ, start_response)).decode("latin-1")
    return got


json.dump([ask(case) for case in json.load(sys.stdin)], sys.stdout)
