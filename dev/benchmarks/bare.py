"""What the hook is compared with: a Flask route that reads the body and does nothing."""

from flask import Flask, Response, request

PATH = "/bare"

app = Flask(__name__)


@app.post(PATH)
def answer() -> Response:
    """Answer an empty object."""
    request.get_data()
    return Response(b"{}", content_type="application/json")
