// What can go wrong: one class for each class of answer.

/** Everything that this client throws of itself. */
export class MultiMailError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** No answer came, or none that could be read. What was asked may have happened. */
export class ConnectionFailed extends MultiMailError {}

/** The server said no. `code` is stable; `details` has what came beside it (hint, fields, status …). */
export class ApiError extends MultiMailError {
  readonly code: string;
  readonly sentence: string;
  readonly requestId: string;
  readonly details: Record<string, unknown>;

  constructor(readonly status: number, body: Record<string, unknown>) {
    const { error, code, request_id: requestId, ...details } = body;
    const sentence = String(error ?? `HTTP ${status}`);
    super(`${sentence} (${String(code ?? "unknown")})`);
    this.code = String(code ?? "unknown");
    this.sentence = sentence;
    this.requestId = String(requestId ?? "");
    this.details = details;
  }
}

/** 401: no key, or one that is unknown or revoked. */
export class Unauthenticated extends ApiError {}
/** 403: the key's scopes, the mailbox's mode or a rule does not allow it. */
export class Forbidden extends ApiError {}
/** 404: absent, or another account's. */
export class NotFound extends ApiError {}
/** 409: the current state does not allow it; `details.status` names it. */
export class Conflict extends ApiError {}
/** 422: `details.fields` has a path and a message for each field at fault. */
export class InvalidFields extends ApiError {}
/** 429: `details.retry_after`, where it came, is in seconds. */
export class RateLimited extends ApiError {}
/** 5xx: nothing was lost; the same call may work later. */
export class ServerFailed extends ApiError {}

const BY_STATUS: Record<number, typeof ApiError> = {
  401: Unauthenticated,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  422: InvalidFields,
  429: RateLimited,
};

export function errorOf(status: number, body: unknown): ApiError {
  const kind = BY_STATUS[status] ?? (status >= 500 ? ServerFailed : ApiError);
  const given = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  return new kind(status, given);
}
