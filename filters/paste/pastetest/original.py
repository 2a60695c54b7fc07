"""Runs filters of Paste and Paste Deploy on requests that stdin describes.

stdin: a JSON list of cases, see Case in pastetest.go; stdout: a JSON list of
what came of them. Texts of WSGI are latin-1 on both sides.
"""
import importlib
import io
import json
import logging
import sys
import warnings
from wsgiref.util import setup_testing_defaults

warnings.simplefilter("ignore")


def environ_of(case):
    env = {}
    setup_testing_defaults(env)
    for name in ("HTTP_HOST", "SERVER_NAME"):
        env.pop(name)
    env.update(
        REQUEST_METHOD=case["method"],
        SCRIPT_NAME=case["script_name"],
        PATH_INFO=case["path"],
        QUERY_STRING=case["query"],
        SERVER_PROTOCOL="HTTP/1.1",
        SERVER_NAME="server.test",
    )
    env["wsgi.errors"] = io.StringIO()
    for name, value in case["headers"]:
        key = "HTTP_" + name.upper().replace("-", "_")
        env[key] = env[key] + "," + value if key in env else value
    env.update(case["environ"])
    return env


class App:
    """Answers as the case says and notes what it saw."""

    def __init__(self, case):
        self.answers = case["answers"]
        self.after = case["set_environ"]
        self.seen = []

    def __call__(self, env, start_response):
        self.seen.append({k: v for k, v in env.items() if isinstance(v, str)})
        if "paste.config" in env:
            self.seen[-1]["paste.config"] = dict(env["paste.config"])
        env.update(self.after)
        answer = self.answers.get(env["PATH_INFO"], self.answers.get("*"))
        if answer["raise"]:
            raise ValueError(answer["raise"])
        start_response(answer["status"], [tuple(h) for h in answer["headers"]])
        return [chunk.encode("latin-1") for chunk in answer["chunks"]]


def run(case):
    for name in list(logging.root.manager.loggerDict):
        logging.getLogger(name).handlers.clear()
    app, result = App(case), {"seen": [], "error": "", "stderr": ""}
    stderr, sys.stderr = sys.stderr, io.StringIO()
    env = environ_of(case)
    try:
        module, attr = case["factory"].split(":")
        make = getattr(importlib.import_module(module), attr)
        handler = make(app, case["global"], **case["options"])
        sent = {}

        def start_response(status, headers, exc_info=None):
            sent["status"], sent["headers"] = status, [list(h) for h in headers]
            return lambda data: None

        answer = handler(env, start_response)
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        result.update(sent, body=body.decode("latin-1"))
    except Exception as error:
        result["error"] = "%s: %s" % (type(error).__name__, error)
    finally:
        result["stderr"], sys.stderr = sys.stderr.getvalue(), stderr
    result["seen"] = app.seen
    result["wsgi_errors"] = env["wsgi.errors"].getvalue()
    result["left"] = "paste.config" in env
    return result


json.dump([run(case) for case in json.load(sys.stdin)], sys.stdout)
