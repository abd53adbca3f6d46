// Making calls over HTTP, once and again. Nothing here but what browsers, Node 20, Deno and workers all have.
import { ConnectionFailed, RateLimited, ServerFailed, errorOf } from "./errors.js";

const ATTEMPTS = 4;
const LONGEST_PAUSE = 30; // seconds
const TIMEOUT = 150; // seconds: longer than the longest waitForEmail
const PLACE = /\{(\w+)\}/g;

export interface Options {
  /** mm_live_… or mm_test_…; by default the variable MULTIMAIL_API_KEY, where there are variables. */
  apiKey?: string;
  /** By default MULTIMAIL_URL, else http://127.0.0.1:8025. */
  baseUrl?: string;
  /** By default MULTIMAIL_MAILBOX_ID, else the only one that the key sees. */
  mailboxId?: string;
  /** In place of the global fetch. */
  fetch?: typeof fetch;
}

type Environment = Record<string, string | undefined>;
const environment: Environment =
  (globalThis as { process?: { env?: Environment } }).process?.env ?? {};

export class Calls {
  private readonly baseUrl: string;
  private readonly headers: Record<string, string>;
  private readonly fetch: typeof fetch;
  private mailboxId: string | undefined;

  constructor(options: Options = {}) {
    const key = options.apiKey ?? environment.MULTIMAIL_API_KEY ?? "";
    this.baseUrl = (options.baseUrl ?? environment.MULTIMAIL_URL ?? "http://127.0.0.1:8025").replace(/\/+$/, "");
    this.headers = key ? { Authorization: `Bearer ${key}` } : {};
    this.mailboxId = options.mailboxId ?? environment.MULTIMAIL_MAILBOX_ID;
    this.fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  }

  /** What was not given is undefined. A call with `idempotent` gets a key of its own where none was given. */
  protected async call<T>(method: string, template: string, input: object, idempotent = false): Promise<T> {
    const given: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(input)) {
      if (value !== undefined && value !== null) given[name] = value;
    }
    if (template.includes("{mailbox_id}") && given.mailbox_id === undefined) {
      given.mailbox_id = this.mailboxId ??= await this.onlyMailbox();
    }
    if (idempotent) given.idempotency_key ??= randomKey();
    const path = template.replace(PLACE, (_, name: string) => {
      const value = given[name];
      if (value === undefined) throw new TypeError(`${name} is needed`);
      delete given[name];
      return segment(String(value));
    });
    const inQuery = method === "GET" || method === "DELETE";
    const url = this.baseUrl + path + (inQuery ? query(given) : "");
    const body = inQuery ? undefined : JSON.stringify(given);
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.once(method, url, body)) as T;
      } catch (error) {
        const seconds = pause(attempt, error, inQuery || idempotent);
        if (seconds === undefined) throw error;
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      }
    }
  }

  private async once(method: string, url: string, body: string | undefined): Promise<unknown> {
    const headers = body === undefined ? this.headers : { ...this.headers, "Content-Type": "application/json" };
    let answer: Response;
    let content: Uint8Array;
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), TIMEOUT * 1000);
    try {
      answer = await this.fetch(url, { method, headers, signal: stop.signal, ...(body === undefined ? {} : { body }) });
      content = new Uint8Array(await answer.arrayBuffer());
    } catch (error) {
      throw new ConnectionFailed(String(error));
    } finally {
      clearTimeout(timer);
    }
    if (answer.ok && answer.headers.has("content-disposition")) return content;
    let read: unknown;
    try {
      read = JSON.parse(new TextDecoder().decode(content));
    } catch {
      if (answer.ok) throw new ConnectionFailed("The answer is not JSON.");
      read = {};
    }
    if (!answer.ok) throw errorOf(answer.status, read);
    return read;
  }

  private async onlyMailbox(): Promise<string> {
    const page = await this.call<{ mailboxes: { id: string }[] }>("GET", "/v1/mailboxes", { limit: 2 });
    const [only, another] = page.mailboxes;
    if (only === undefined || another !== undefined) {
      throw new TypeError("The key sees no mailbox or several: say which with mailbox_id.");
    }
    return only.id;
  }
}

/** One segment of a path: "." and ".." would be resolved to another path, however they are written (URL Standard). */
function segment(value: string): string {
  if (["", ".", ".."].includes(value)) throw errorOf(404, { error: `Nothing is named "${value}".`, code: "not_found" });
  return encodeURIComponent(value);
}

function query(given: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one));
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
}

/** Seconds to wait before the next attempt; undefined where it would be wrong or no use. */
function pause(attempt: number, error: unknown, repeatable: boolean): number | undefined {
  if (attempt >= ATTEMPTS) return undefined;
  if (error instanceof RateLimited) {
    const wanted = Number(error.details.retry_after ?? 2 ** attempt);
    return wanted <= LONGEST_PAUSE ? wanted : undefined;
  }
  const passing = error instanceof ConnectionFailed || error instanceof ServerFailed;
  return repeatable && passing ? 0.25 * 2 ** (attempt - 1) : undefined;
}

function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
