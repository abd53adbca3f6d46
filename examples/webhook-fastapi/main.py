"""Hears of mail by webhook, in FastAPI: what is not signed by your server is refused, what comes twice counts once."""

import os

import uvicorn
from fastapi import FastAPI, Request, Response

from multimail.client import read_webhook

app = FastAPI()
seen: set[str] = set()  # in a real program: a table with a unique column


@app.post("/webhook")
async def webhook(request: Request) -> Response:
    try:
        event = read_webhook(
            await request.body(), dict(request.headers), os.environ["MULTIMAIL_WEBHOOK_SECRET"]
        )
    except ValueError:
        return Response(status_code=401)
    if event["event_id"] not in seen:
        seen.add(event["event_id"])
        print(event["type"], event.get("from", ""), event.get("subject", ""), flush=True)
    return Response(status_code=204)


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
