"""Ask oslo.middleware's healthcheck: cases come as JSON, answers go as JSON."""
import io
import json
import sys

from oslo_config import cfg
from oslo_middleware import Healthcheck


def inner(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"inner"]


def environ(case):
    env = {
        "REQUEST_METHOD": case["method"], "SCRIPT_NAME": case["script"], "PATH_INFO": case["path"],
        "QUERY_STRING": case["query"], "SERVER_NAME": "localhost", "SERVER_PORT": case["port"],
        "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr, "wsgi.multithread": False,
        "wsgi.multiprocess": False, "wsgi.run_once": False,
    }
    for name, value in (case["headers"] or {}).items():
        env["HTTP_" + name.upper().replace("-", "_")] = value
    return env


def ask(case):
    options = case["options"] or {}
    if case["filter"]:
        app = Healthcheck.factory({}, **options)(inner)
    else:
        app = Healthcheck.app_factory({}, **options)
    got = {}

    def start_response(status, headers, exc_info=None):
        got["status"] = int(status.split()[0])
        got["header"] = {name.title(): value for name, value in headers}

    got["body"] = b"".join(app(environ(case), start_response)).decode()
    for name in options:  # they stay in the global object, for the next section to inherit
        cfg.CONF.clear_override(name, group="healthcheck")
    return got


json.dump([ask(case) for case in json.load(sys.stdin)], sys.stdout)
