import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Longest wait for anything; a guard, not a pace. */
export const PATIENCE_MS = 240_000;
const LOOK_AGAIN_MS = 50;

/** The binary under test. */
export const BINARY = resolve(
  import.meta.dirname,
  "../..",
  process.env.RIALTO_BIN ?? "../target/debug/rialto",
);

/** People of the sample house; the passwords are set here, after their one-time link was used. */
export const DEVELOPER = { login: "developer", password: "nine quiet herons by the canal" };
export const RELEASE_MANAGER = { login: "approver", password: "seven slow barges under the arch" };
export const AUDITOR = { login: "auditor", password: "five pale swans past the jetty" };
export const TRADER = { login: "trader", password: "four grey cranes over the ferry" };
export const MIDDLE_OFFICE = { login: "middleoffice", password: "eight red lanterns at the lock" };
export const SETTLEMENT = { login: "settlement", password: "two green kites above the weir" };
export const RISK = { login: "risk", password: "six brown owls behind the mill" };
export const PROVIDER = { login: "provider", password: "three calm otters near the quay" };
export const MANAGER = { login: "interfaces", password: "ten wise ravens atop the tower" };
export const CALLER = { login: "caller", password: "one keen heron beside the dam" };
export const OPERATOR = { login: "operator", password: "six tall storks along the mole" };
export type Account = typeof DEVELOPER;

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Asks again until `look` gives something. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined>,
): Promise<T> {
  const started = Date.now();
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined) return found;
    if (Date.now() - started > PATIENCE_MS) throw new Error(`waited in vain for ${what}`);
    await pause(LOOK_AGAIN_MS);
  }
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === "object" && address ? done(address.port) : failed(new Error("no port")),
      );
    });
  });
}

/** A real server with the sample house, on data and a port of its own. */
export class House {
  readonly folder = mkdtempSync(join(tmpdir(), "rialto-e2e-"));
  url = "";
  private child: ChildProcess | null = null;

  static async start(): Promise<House> {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: build it, or set RIALTO_BIN`);
    const house = new House();
    const port = await freePort();
    house.url = `http://127.0.0.1:${port}`;
    const log = openSync(join(house.folder, "log"), "a");
    const data = join(house.folder, "data");
    house.child = spawn(BINARY, ["up", "--sample", "--port", String(port), "--data", data], {
      cwd: house.folder,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    try {
      await until("the house to be ready", async () => {
        if (house.child?.exitCode !== null) throw new Error(`the house ended:\n${house.log()}`);
        const answer = await fetch(`${house.url}/readyz`).catch(() => null);
        // The file with the sign-in links comes last.
        return answer?.ok && existsSync(join(data, "ready.json")) ? true : null;
      });
    } catch (error) {
      await house.stop();
      throw error;
    }
    return house;
  }

  log(): string {
    return readFileSync(join(this.folder, "log"), "utf8");
  }

  /** A clean stop also ends the services that were deployed. */
  async stop(): Promise<void> {
    const child = this.child;
    this.child = null;
    if (child && child.exitCode === null) {
      child.kill("SIGTERM");
      const ended = new Promise<boolean>((done) => child.once("exit", () => done(true)));
      if (!(await Promise.race([ended, pause(15_000).then(() => false)]))) child.kill("SIGKILL");
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The one-time sign-in address the server told for somebody. */
  loginLink(login: string): string {
    const ready = JSON.parse(readFileSync(join(this.folder, "data/ready.json"), "utf8")) as {
      login_links: Record<string, string>;
    };
    const link = ready.login_links[login];
    if (!link) throw new Error(`ready.json has no link for ${login}`);
    return link;
  }

  /** Somebody with a password and a token, for the things a story does outside the browser. */
  async person(account: Account): Promise<Person> {
    const link = new URL(this.loginLink(account.login)).searchParams.get("link");
    const first = await this.session("/sessions/redeem", { link });
    const body = { password: account.password };
    await this.changed(first, "PUT", `/users/${first.user.id}/password`, body, 204);
    return this.signedIn(account);
  }

  /** The same person again, once their password is set. */
  async signedIn({ login, password }: Account): Promise<Person> {
    const session = await this.session("/sessions", { login, password });
    const body = { name: `${login} e2e`, expires_in_days: 1 };
    const issued = await this.changed(session, "POST", "/tokens", body, 201);
    const { token } = (await issued.json()) as { token: string };
    return new Person(this, login, token);
  }

  private async session(path: string, body: unknown): Promise<Session> {
    const answer = await fetch(`${this.url}/api/platform/v1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: this.url },
      body: JSON.stringify(body),
    });
    if (answer.status !== 201) throw new Error(`${path}: ${await answer.text()}`);
    const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    return { ...((await answer.json()) as Omit<Session, "cookie">), cookie };
  }

  private async changed(
    session: Session,
    method: string,
    path: string,
    body: unknown,
    status: number,
  ): Promise<Response> {
    const answer = await fetch(`${this.url}/api/platform/v1${path}`, {
      method,
      headers: {
        "content-type": "application/json",
        cookie: session.cookie,
        "x-csrf-token": session.csrf_token,
        origin: this.url,
      },
      body: JSON.stringify(body),
    });
    if (answer.status !== status) throw new Error(`${method} ${path}: ${await answer.text()}`);
    return answer;
  }
}

interface Session {
  cookie: string;
  csrf_token: string;
  user: { id: string };
}

export interface Resource {
  id: string;
  [field: string]: unknown;
}

export class Person {
  readonly house: House;
  readonly login: string;
  readonly token: string;

  constructor(house: House, login: string, token: string) {
    this.house = house;
    this.login = login;
    this.token = token;
  }

  /** A path of the delivery API, or of any other when it begins with `/api/`. */
  async api<T>(
    path: string,
    method = "GET",
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const full = path.startsWith("/api/") ? path : `/api/delivery/v1${path}`;
    const answer = await fetch(this.house.url + full, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        "content-type": "application/json",
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  /** Sends a text that is no JSON. */
  async text<T>(path: string, body: string, type: string): Promise<T> {
    const answer = await fetch(this.house.url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${this.token}`, "content-type": type },
      body,
    });
    if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }

  async project(path: string): Promise<Resource> {
    const { items } = await this.api<{ items: Resource[] }>("/projects?page_size=200");
    const found = items.find((p) => p.path === path);
    if (!found) throw new Error(`there is no project ${path}`);
    return found;
  }

  /** The pipeline of a commit, once it is in one of the states. */
  async pipeline(project: string, sha: string, states: string[]): Promise<Resource> {
    return until(`the pipeline of ${sha} to be ${states.join(" or ")}`, async () => {
      const { items } = await this.api<{ items: Resource[] }>(`/pipelines?project_id=${project}`);
      const one = items.find((p) => p.sha === sha);
      const status = String(one?.status ?? "");
      if (["failed", "canceled"].includes(status) && !states.includes(status)) {
        throw new Error(`the pipeline ended ${status}: ${JSON.stringify(one, null, 2)}`);
      }
      return one && states.includes(status) ? one : null;
    });
  }

  async deployment(
    project: string,
    environment: string,
    pipeline: string,
    states: string[],
  ): Promise<Resource> {
    return until(`a deployment to ${environment} to be ${states.join(" or ")}`, async () => {
      const { items } = await this.api<{ items: Resource[] }>(`/deployments?project_id=${project}`);
      return items.find(
        (d) =>
          (d.environment as { name: string }).name === environment &&
          d.pipeline_id === pipeline &&
          states.includes(String(d.state)),
      );
    });
  }

  async environment(project: string, name: string): Promise<Resource> {
    const { items } = await this.api<{ items: Resource[] }>(`/environments?project_id=${project}`);
    const found = items.find((e) => e.name === name);
    if (!found) throw new Error(`there is no environment ${name}`);
    return found;
  }

  clone(path: string): WorkingCopy {
    const address = this.house.url.replace("http://", `http://${this.login}:${this.token}@`);
    return cloneFrom(
      `${address}/git/${path}.git`,
      mkdtempSync(join(this.house.folder, "copy-")),
      this.login,
    );
  }

  /** Runs a command line as this person; the output when it succeeds. */
  command(line: string): string {
    const contexts = join(this.house.folder, `contexts-${this.login}.toml`);
    const env = {
      ...process.env,
      RIALTO_CONTEXTS: contexts,
      NO_COLOR: "1",
      PATH: `${resolve(BINARY, "..")}:${process.env.PATH ?? ""}`,
    };
    if (!existsSync(contexts)) {
      const login = spawnSync(BINARY, ["login", "--server", this.house.url], {
        env,
        input: this.token,
      });
      if (login.status !== 0) throw new Error(String(login.stderr));
    }
    const done = spawnSync("bash", ["-c", line], { env, cwd: this.house.folder });
    if (done.status !== 0)
      throw new Error(`${line}: exit ${String(done.status)}\n${String(done.stderr)}`);
    return String(done.stdout);
  }
}

export function cloneFrom(address: string, folder: string, name: string): WorkingCopy {
  execFileSync("git", ["clone", "--quiet", address, folder], { stdio: "pipe" });
  return new WorkingCopy(folder, name);
}

/** A person's clone. */
export class WorkingCopy {
  readonly folder: string;
  private readonly name: string;

  constructor(folder: string, name: string) {
    this.folder = folder;
    this.name = name;
  }

  git(...args: string[]): string {
    const identity = [
      "-c",
      `user.name=${this.name}`,
      "-c",
      `user.email=${this.name}@rialto.example`,
    ];
    return execFileSync("git", ["-C", this.folder, ...identity, ...args], {
      env: { ...process.env, GIT_TERMINAL_PROMPT: "0" },
      stdio: "pipe",
    }).toString();
  }

  /** Replaces text in a file; it must be there. */
  edit(file: string, from: string, to: string): void {
    const path = join(this.folder, file);
    const text = readFileSync(path, "utf8");
    if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`);
    writeFileSync(path, text.replace(from, to));
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  /** Commits everything and pushes it to main; the new commit. */
  push(message: string): string {
    this.git("add", "-A");
    this.git("commit", "-qm", message);
    this.git("push", "-q", "origin", "HEAD:main");
    return this.git("rev-parse", "HEAD").trim();
  }
}

/** Users of a deployed service: constant requests, and a count of those that failed. */
export class Load {
  sent = 0;
  failed = 0;
  private running = true;
  private readonly users: Promise<void>[];

  constructor(url: string) {
    this.users = Array.from({ length: 4 }, async () => {
      while (this.running) {
        this.sent += 1;
        try {
          const answer = await fetch(url);
          await answer.arrayBuffer();
          if (!answer.ok) this.failed += 1;
        } catch {
          this.failed += 1;
        }
        await pause(2);
      }
    });
  }

  async stop(): Promise<{ sent: number; failed: number }> {
    this.running = false;
    await Promise.all(this.users);
    return { sent: this.sent, failed: this.failed };
  }
}
