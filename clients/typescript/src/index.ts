// MultiMail for TypeScript and JavaScript: every operation as a method, and no dependency.
//
//   const mail = new MultiMail(); // MULTIMAIL_API_KEY, MULTIMAIL_URL, MULTIMAIL_MAILBOX_ID
//   const sent = await mail.sendEmail({ to: "bob@example.org", subject: "Hi", markdown: "Hello **Bob**" });
//   const reply = await mail.waitForReply(sent.thread_id, { seconds: 600 });
import { ApiError } from "./errors.js";
import { METHODS, Operations } from "./operations.js";
import type { AttachmentInput, Email } from "./operations.js";

export type { Options } from "./calls.js";
export * from "./errors.js";
export * from "./operations.js";
export { readWebhook } from "./webhook.js";
export type { WebhookEvent, WebhookHeaders } from "./webhook.js";

const WAIT = 100; // seconds of one long poll

type Page<K extends string, T> = { [key in K]: T[] } & { cursor?: string | null };

export class MultiMail extends Operations {
  /** Everything that a listing method has, page after page: `mail.each((at) => mail.checkInbox({ ...at }), "emails")`. */
  async *each<K extends string, T>(
    list: (at: { cursor?: string }) => Promise<Page<K, T>>,
    field: K,
  ): AsyncGenerator<T, void, undefined> {
    let cursor: string | null | undefined;
    do {
      const page: Page<K, T> = await list(cursor ? { cursor } : {});
      yield* page[field];
      cursor = page.cursor;
    } while (cursor);
  }

  /** The first email that came into a thread after our last one, read whole; undefined where none comes in time. */
  async waitForReply(
    threadId: string,
    { seconds = 600, sinceId }: { seconds?: number; sinceId?: string } = {},
  ): Promise<Email | undefined> {
    const end = Date.now() + seconds * 1000;
    const thread = await this.getThread({ thread_id: threadId, bodies: false });
    const ours = thread.emails.filter((email) => email.direction === "outbound").map((email) => email.id);
    const since_id = sinceId ?? ours.sort().pop();
    for (let left = seconds; left > 0; left = (end - Date.now()) / 1000) {
      const timeout_seconds = Math.min(WAIT, left);
      const found = await this.waitForEmail({ thread_id: threadId, timeout_seconds, ...(since_id && { since_id }) });
      if (found.email) return this.readEmail({ email_id: found.email.id, mailbox_id: found.email.mailbox_id });
    }
    return undefined;
  }

  /** A model's tool call, made: JSON for the model, whatever happens. It never throws into the loop. */
  async dispatch(name: string, given: string | Record<string, unknown>): Promise<string> {
    try {
      if (!Object.hasOwn(METHODS, name)) throw new TypeError(`there is no tool ${name}`);
      const input: unknown = typeof given === "string" ? JSON.parse(given || "{}") : given;
      const method = this[METHODS[name as keyof typeof METHODS]] as (input: unknown) => Promise<unknown>;
      return JSON.stringify(await method.call(this, input));
    } catch (error) {
      if (error instanceof ApiError) {
        return JSON.stringify({ error: error.sentence, code: error.code, ...error.details });
      }
      return JSON.stringify({ error: error instanceof Error ? error.message : String(error), code: "not_called" });
    }
  }
}

/** A file as sendEmail and replyEmail take it. */
export function attachment(name: string, content: Uint8Array | string, contentType?: string): AttachmentInput {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  let text = "";
  for (let start = 0; start < bytes.length; start += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  }
  return { name, content_base64: btoa(text), content_type: contentType ?? "application/octet-stream" };
}
