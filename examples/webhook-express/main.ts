// Hears of mail by webhook, in Express: what is not signed by your server is refused, what comes twice counts once.
import express from "express";
import { readWebhook } from "multimail";

const secret = process.env.MULTIMAIL_WEBHOOK_SECRET ?? "";
const seen = new Set<string>(); // in a real program: a table with a unique column
const app = express();

// The body as it came: a signature is over bytes, not over what they mean.
app.post("/webhook", express.raw({ type: () => true, limit: "1mb" }), async (request, response) => {
  try {
    const event = await readWebhook(request.body as Uint8Array, request.headers, secret);
    if (!seen.has(event.event_id)) {
      seen.add(event.event_id);
      console.log(event.type, event["from"] ?? "", event["subject"] ?? "");
    }
    response.sendStatus(204);
  } catch {
    response.sendStatus(401);
  }
});

app.listen(Number(process.env.PORT ?? 8000), "127.0.0.1");
