// Uses the client as a program would, typed in strict mode; prints what it saw.
import { Conflict, InvalidFields, MultiMail, NotFound, Unauthenticated, attachment, readWebhook } from "./index.js";
import type { SendAnswer } from "./index.js";

declare const process: { argv: string[]; env: Record<string, string | undefined> };

const [body = "", secret = "", id = "", timestamp = "", signature = ""] = process.argv.slice(2);
const mail = new MultiMail();
const seen: Record<string, unknown> = {};

async function refusal(act: () => Promise<unknown>): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    return error;
  }
}

const sent: SendAnswer = await mail.sendEmail({
  to: ["ann@example.com"],
  subject: "Hi",
  markdown: "Hello",
  attachments: [attachment("plan.json", '{"a": 1}', "application/json")],
});
seen.status = sent.status;
const again = await mail.sendEmail({ to: "x@example.com", subject: "Once", markdown: "x", idempotency_key: "k" });
const repeated = await mail.sendEmail({ to: "x@example.com", subject: "Once", markdown: "x", idempotency_key: "k" });
seen.same = again.id === repeated.id;
seen.read = (await mail.readEmail({ email_id: sent.id })).markdown;
seen.file = new TextDecoder().decode(await mail.downloadAttachment({ email_id: sent.id, filename: "plan.json" }));
const subjects: string[] = [];
for await (const email of mail.each((at) => mail.checkInbox({ limit: 1, ...at }), "emails")) subjects.push(email.subject);
seen.subjects = subjects;
seen.reply = await mail.waitForReply(sent.thread_id, { seconds: 0.2 });
seen.dispatched = JSON.parse(await mail.dispatch("get_message", JSON.stringify({ email_id: sent.id }))).status;
seen.told = JSON.parse(await mail.dispatch("get_message", { email_id: "eml_none" })).code;
seen.unknown = JSON.parse(await mail.dispatch("constructor", {})).code;
const missing = await refusal(() => mail.readEmail({ email_id: "eml_none" }));
seen.missing = missing instanceof NotFound && missing.name === "NotFound" && missing.requestId.startsWith("req_");
seen.dots = (await refusal(() => mail.getThread({ mailbox_id: ".", thread_id: ".." }))) instanceof NotFound;
seen.wrong = (await refusal(() => mail.sendEmail({ to: "nobody", subject: "x" }))) instanceof InvalidFields;
await mail.cancelMessage({ email_id: sent.id });
seen.late = (await refusal(() => mail.cancelMessage({ email_id: sent.id }))) instanceof Conflict;
const stranger = new MultiMail({ apiKey: "mm_live_wrong" });
seen.stranger = (await refusal(() => stranger.getAccount())) instanceof Unauthenticated;

const headers = { "Webhook-Id": id, "webhook-timestamp": timestamp, "webhook-signature": `v1a,x v1,${signature}` };
const at = Number(timestamp);
seen.event = (await readWebhook(body, headers, secret, at + 1)).type;
const forged: [string, Record<string, string>, number][] = [
  [body + " ", headers, at],
  [body, { ...headers, "Webhook-Id": "other" }, at],
  [body, headers, at + 301],
  [body, { ...headers, "webhook-signature": "v1," }, at],
  [body, {}, at],
];
seen.forged = [];
for (const [text, given, now] of forged) {
  (seen.forged as boolean[]).push((await refusal(() => readWebhook(text, given, secret, now))) instanceof TypeError);
}
console.log(JSON.stringify(seen));
