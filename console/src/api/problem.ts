/** One failed field of a refused request (RFC 9457 extension). */
export interface ProblemField {
  pointer: string;
  code: string;
  message: string;
}

/** A text in both languages of the house. */
export interface BothTexts {
  en: string;
  zh: string;
}

/** What is wrong with a document, at its place. */
export interface ProblemFinding {
  pointer: string;
  code: string;
  severity: string;
  text: BothTexts;
  /** What to do about it, where the server says it. */
  cure?: BothTexts | null;
}

/** `application/problem+json`, or what is closest to it when the server could not answer. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  trace_id: string | null;
  errors: ProblemField[];
  /** The detail in both languages, where the server has it so. */
  text?: BothTexts | null;
  /** All findings about a document, where it is one that was refused. */
  findings?: ProblemFinding[];
}

/** What every failed call rejects with. */
export class ApiError extends Error {
  readonly problem: Problem;
  /** Method and path that failed, for the report a person copies. */
  readonly request: string;

  constructor(problem: Problem, request: string) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
    this.problem = problem;
    this.request = request;
  }

  get status(): number {
    return this.problem.status;
  }

  get code(): string {
    return this.problem.code;
  }
}

/** Status 0 stands for "no answer": the network failed or the server is away. */
export function unreachable(request: string, cause: unknown): ApiError {
  return new ApiError(
    {
      type: "about:blank",
      title: "",
      status: 0,
      detail: cause instanceof Error ? cause.message : String(cause),
      code: "unreachable",
      trace_id: null,
      errors: [],
    },
    request,
  );
}

function text(value: unknown, fallback: string): string {
  return typeof value === "string" ? value : fallback;
}

function bothTexts(value: unknown): BothTexts | null {
  const known = value as Partial<BothTexts> | null | undefined;
  return typeof known?.en === "string" && typeof known.zh === "string"
    ? { en: known.en, zh: known.zh }
    : null;
}

/** A finding as the server sends it: with a pointer, or with a place in one of several files. */
interface SentFinding extends ProblemFinding {
  rule?: string;
  spot?: { file: string; line: number; column: number; pointer: string };
}

function findingOf({ rule, spot, ...finding }: SentFinding): ProblemFinding {
  if (!spot) return finding;
  const line = spot.line > 0 ? `:${spot.line}:${spot.column}` : "";
  return {
    ...finding,
    pointer: `${spot.file}${line} ${spot.pointer}`.trim(),
    code: rule ?? finding.code,
  };
}

/** Reads a failed response; a body that is not a problem document still gives an honest error. */
export async function problemOf(response: Response, request: string): Promise<ApiError> {
  const trace = response.headers.get("x-trace-id");
  let body: Record<string, unknown> = {};
  const type = response.headers.get("content-type") ?? "";
  try {
    if (type.includes("json")) body = (await response.json()) as Record<string, unknown>;
  } catch {
    // A cut or malformed body: status and reason phrase below say what is known.
  }
  return new ApiError(
    {
      type: text(body.type, "about:blank"),
      title: text(body.title, response.statusText),
      status: response.status,
      detail: text(body.detail, ""),
      code: text(body.code, `http_${response.status}`),
      trace_id: text(body.trace_id, trace ?? "") || null,
      errors: Array.isArray(body.errors) ? (body.errors as ProblemField[]) : [],
      text: bothTexts(body.text),
      findings: Array.isArray(body.findings) ? (body.findings as SentFinding[]).map(findingOf) : [],
    },
    request,
  );
}
