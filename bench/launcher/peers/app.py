"""The application of the Python servers: the short answer of our own."""

BODY = b"flour, water, and time\n"


def application(environ, start_response):
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))]
    request_id = environ.get("HTTP_X_LOAD_ID")
    if request_id:
        headers.append(("X-Load-Id", request_id))
    start_response("200 OK", headers)
    return [BODY]
