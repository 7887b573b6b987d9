import { ApiError, problemOf, unreachable } from "./problem";

type Query = Record<string, string | number | boolean | null | undefined>;

export interface CallOptions {
  query?: Query;
  body?: unknown;
  /** A body that is no JSON: a file, with its media type. */
  raw?: { content: Blob | string; type: string };
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
}

let csrfToken: string | null = null;
let onSignedOut: (() => void) | null = null;
let language = "zh-CN";

/** The token that proves a state-changing request came from this console. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

/** Called when the server answers 401 to a call made inside a session. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

/** The language in which the server words its errors. */
export function setApiLanguage(tag: string): void {
  language = tag;
}

/** Appends the query; empty, null and undefined values are left out. */
export function withQuery(path: string, query?: Query): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== "") params.set(key, String(value));
  }
  const tail = params.toString();
  return tail ? `${path}?${tail}` : path;
}

/** A template tag that makes addresses under a base: the values in it are encoded. */
export const pathsUnder =
  (base: string) =>
  (strings: TemplateStringsArray, ...ids: (string | number)[]): string =>
    base + strings.reduce((all, part, i) => all + encodeURIComponent(ids[i - 1] ?? "") + part);

/** 128 random bits in hex; `crypto.randomUUID` is missing outside secure contexts. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

const CHANGES = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** One request; rejects with `ApiError` for every failure except an abort. */
export async function request(
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Response> {
  const url = withQuery(path, options.query);
  const headers: Record<string, string> = {
    Accept: "application/json, application/problem+json",
    "Accept-Language": language,
    ...options.headers,
  };
  if (CHANGES.has(method)) {
    if (csrfToken) headers["X-CSRF-Token"] = csrfToken;
    if (method === "POST") headers["Idempotency-Key"] = randomKey();
  }
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (options.signal) init.signal = options.signal;
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  } else if (options.raw !== undefined) {
    headers["Content-Type"] = options.raw.type;
    init.body = options.raw.content;
  }
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw unreachable(`${method} ${url}`, cause);
  }
  if (response.ok) return response;
  const error = await problemOf(response, `${method} ${url}`);
  // A wrong password also answers 401: only a call inside a session means "signed out".
  if (error.status === 401 && csrfToken) onSignedOut?.();
  throw error;
}

/** A request whose answer is JSON (or nothing, for 204). */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const response = await request(method, path, options);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw new ApiError(
      {
        type: "about:blank",
        title: "",
        status: response.status,
        detail: String(cause),
        code: "unreadable_answer",
        trace_id: response.headers.get("x-trace-id"),
        errors: [],
      },
      `${method} ${path}`,
    );
  }
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  call<T>("GET", path, { ...(query ? { query } : {}), signal });
export const post = <T>(path: string, body?: unknown): Promise<T> =>
  call<T>("POST", path, { body: body ?? {} });
/** `version`: the version that was changed; another one there by now refuses the change (412). */
export const put = <T>(path: string, body: unknown, version?: number): Promise<T> =>
  call<T>("PUT", path, {
    body,
    ...(version === undefined ? {} : { headers: { "If-Match": `"v${version}"` } }),
  });
/** A record with the tag a change of it must name (`If-Match`). */
export type Tagged<T> = T & { etag: string | null };

export async function getTagged<T extends object>(
  path: string,
  signal?: AbortSignal,
): Promise<Tagged<T>> {
  const response = await request("GET", path, { signal });
  return { ...((await response.json()) as T), etag: response.headers.get("etag") };
}

/** A change of what was read with this tag; another one there by now refuses it (412). */
export const postTagged = <T>(path: string, body: unknown, etag: string | null): Promise<T> =>
  call<T>("POST", path, { body, ...(etag ? { headers: { "If-Match": etag } } : {}) });

/** The same for a whole record put in place of another. */
export const putTagged = <T>(path: string, body: unknown, etag: string | null): Promise<T> =>
  call<T>("PUT", path, { body, ...(etag ? { headers: { "If-Match": etag } } : {}) });

export const remove = (path: string): Promise<undefined> => call<undefined>("DELETE", path);
