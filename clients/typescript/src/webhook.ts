// Webhook calls, verified as Standard Webhooks says (https://www.standardwebhooks.com, "Verifying signatures").

const TOLERANCE = 300; // seconds

/** What every event has; the contract's §9 tells the rest. */
export interface WebhookEvent {
  type: string;
  event_id: string;
  created_at: string;
  account_id: string;
  mailbox_id: string | null;
  id: string;
  test: boolean;
  data: Record<string, unknown>;
  [name: string]: unknown;
}

export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;

/**
 * The event of a webhook call. `body` is the raw request body, as it came and not read as JSON and written again.
 * Throws TypeError unless it is signed with `secret` (`whsec_…`) and no more than five minutes old.
 */
export async function readWebhook(
  body: string | Uint8Array,
  headers: WebhookHeaders,
  secret: string,
  now: number = Date.now() / 1000,
): Promise<WebhookEvent> {
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const content = typeof body === "string" ? new TextEncoder().encode(body) : body;
  if (!/^[0-9]{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE) {
    throw new TypeError("The webhook call has no time, or is too old.");
  }
  const key = await crypto.subtle.importKey(
    "raw",
    fromBase64(secret.replace(/^whsec_/, "")),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const signed = concatenated(new TextEncoder().encode(`${id}.${timestamp}.`), content);
  for (const one of header(headers, "webhook-signature").split(" ")) {
    const [version, signature] = one.split(",", 2);
    if (version !== "v1" || signature === undefined || !isBase64(signature)) continue;
    if (await crypto.subtle.verify("HMAC", key, fromBase64(signature), signed)) {
      return JSON.parse(new TextDecoder().decode(content)) as WebhookEvent;
    }
  }
  throw new TypeError("The webhook call is not signed with this secret.");
}

function header(headers: WebhookHeaders, name: string): string {
  if (headers instanceof Headers) return headers.get(name) ?? "";
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() === name) return Array.isArray(value) ? "" : value ?? "";
  }
  return "";
}

const isBase64 = (text: string): boolean =>
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text);

// What these return is left to the compiler: since TypeScript 5.7 it says which buffer is behind an array.
function fromBase64(text: string) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function concatenated(first: Uint8Array, second: Uint8Array) {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
