"""Hears of mail by webhook, in Flask: what is not signed by your server is refused, what comes twice counts once."""

import os

from flask import Flask, Response, request

from multimail.client import read_webhook

app = Flask(__name__)
seen: set[str] = set()  # in a real program: a table with a unique column


@app.post("/webhook")
def webhook() -> Response:
    try:
        event = read_webhook(
            request.get_data(), dict(request.headers), os.environ["MULTIMAIL_WEBHOOK_SECRET"]
        )
    except ValueError:
        return Response(status=401)
    if event["event_id"] not in seen:
        seen.add(event["event_id"])
        print(event["type"], event.get("from", ""), event.get("subject", ""), flush=True)
    return Response(status=204)


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8000")))
