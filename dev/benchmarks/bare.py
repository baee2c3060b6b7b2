"""What the hook is compared with: a Flask route that reads the body and does nothing."""

from flask import Flask, Response, request

PATH = "/bare"
READ_BYTES = 64 * 1024

app = Flask(__name__)


@app.post(PATH)
def answer() -> Response:
    """Read the body as it comes, as the hook does, and answer an empty object."""
    body = request.environ["wsgi.input"]
    while body.read(READ_BYTES):
        pass
    return Response(b"{}", content_type="application/json")
