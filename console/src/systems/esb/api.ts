import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import {
  call,
  get,
  getTagged,
  pathsUnder,
  post,
  postTagged,
  putTagged,
  type Tagged,
  withQuery,
} from "@/api/client";
import type { List } from "@/api/contract";
import { platform } from "@/api/platform";
import type {
  Application,
  ApplicationInput,
  Binding,
  BindingInput,
  Branch,
  Calls,
  Credential,
  CredentialInput,
  Drift,
  Environment,
  Fetched,
  Imported,
  Interface,
  InterfaceInput,
  InterfaceList,
  Operation,
  Samples,
  OperationLine,
  Outlook,
  Preview,
  Publication,
  Review,
  RotationInput,
  SharedSchema,
  Sla,
  Subscription,
  SubscriptionInput,
  System,
  SystemInput,
  TransitionInput,
  Tried,
  TryInput,
  Version,
  WaiverInput,
} from "@/api/contract.esb";
import { useSystemTopics } from "@/shared/live";
import { useSystemAction } from "@/shared/states";

export const BASE = "/api/esb/v1";
/** Where the platform tells what changed. */
const STREAM = `${BASE}/events/stream`;

const path = pathsUnder(BASE);
const key = (...parts: unknown[]): unknown[] => ["esb", ...parts];
const MOST = 1000;

/** Every read of the platform, with its cache key `[esb, resource, …]`. */
export const reads = {
  taxonomy: () =>
    queryOptions({
      queryKey: key("taxonomy"),
      queryFn: ({ signal }) => get<{ items: Branch[] }>(path`/taxonomy`, undefined, signal),
      staleTime: Infinity,
    }),
  systems: () =>
    queryOptions({
      queryKey: key("systems"),
      queryFn: ({ signal }) => get<List<System>>(path`/systems`, { page_size: MOST }, signal),
    }),
  interface: (code: string) =>
    queryOptions({
      queryKey: key("interface", code),
      queryFn: ({ signal }) => getTagged<Interface>(path`/interfaces/${code}`, signal),
    }),
  versions: (code: string) =>
    queryOptions({
      queryKey: key("interface", code, "versions"),
      queryFn: ({ signal }) =>
        get<{ items: Version[] }>(path`/interfaces/${code}/versions`, undefined, signal),
    }),
  outlook: (version: string) =>
    queryOptions({
      queryKey: key("version", version, "outlook"),
      queryFn: ({ signal }) =>
        get<{ items: Outlook[] }>(path`/versions/${version}/transitions`, undefined, signal),
    }),
  files: (version: string) =>
    queryOptions({
      queryKey: key("version", version, "files"),
      queryFn: ({ signal }) =>
        get<{ items: string[] }>(path`/versions/${version}/files`, undefined, signal),
    }),
  operation: (version: string, no: number) =>
    queryOptions({
      queryKey: key("version", version, "operation", no),
      queryFn: ({ signal }) =>
        get<Operation>(path`/versions/${version}/operations/${no}`, undefined, signal),
      placeholderData: keepPreviousData,
    }),
  samples: (version: string, no: number, environment: string, seed: number) =>
    queryOptions({
      queryKey: key("version", version, "operation", no, "samples", environment, seed),
      queryFn: ({ signal }) =>
        get<Samples>(
          path`/versions/${version}/operations/${no}/samples`,
          { environment, seed },
          signal,
        ),
      placeholderData: keepPreviousData,
    }),
  /** For a choice among them; a reader of more than a thousand narrows it by text. */
  operations: (version: string) =>
    queryOptions({
      queryKey: key("version", version, "all-operations"),
      queryFn: ({ signal }) =>
        get<List<OperationLine>>(
          path`/versions/${version}/operations`,
          { page_size: MOST },
          signal,
        ),
    }),
  schema: (version: string, name: string) =>
    queryOptions({
      queryKey: key("version", version, "schema", name),
      queryFn: ({ signal }) =>
        get<SharedSchema>(path`/versions/${version}/schemas/${name}`, undefined, signal),
    }),
  reviews: () =>
    queryOptions({
      queryKey: key("reviews"),
      queryFn: ({ signal }) => get<List<Review>>(path`/reviews`, { page_size: 200 }, signal),
    }),
  applications: () =>
    queryOptions({
      queryKey: key("applications"),
      queryFn: ({ signal }) =>
        get<List<Application>>(path`/applications`, { page_size: MOST }, signal),
    }),
  /** Who can be named to fetch a secret: everybody who may sign in. */
  people: () =>
    queryOptions({
      queryKey: key("people"),
      queryFn: ({ signal }) => platform.users(signal),
    }),
  /** Credentials of an application, to find the one that comes after another. */
  credentials: (application: string) =>
    queryOptions({
      queryKey: key("credentials", "of", application),
      queryFn: ({ signal }) =>
        get<List<Credential>>(path`/credentials`, { application, page_size: MOST }, signal),
    }),
  credential: (id: string) =>
    queryOptions({
      queryKey: key("credentials", "one", id),
      queryFn: ({ signal }) => getTagged<Credential>(path`/credentials/${id}`, signal),
    }),
  /** Where requests to a version go, by environment. */
  bindings: (version: string) =>
    queryOptions({
      queryKey: key("version", version, "bindings"),
      queryFn: ({ signal }) =>
        get<{ items: Binding[] }>(path`/versions/${version}/bindings`, undefined, signal),
    }),
  /** What is in force in an environment, and what each gateway said last. */
  environment: (name: string) =>
    queryOptions({
      queryKey: key("environments", name),
      queryFn: ({ signal }) => get<Environment>(path`/environments/${name}`, undefined, signal),
    }),
  /** Who calls what, by environment, days and interface. */
  calls: (filter: { environment: string; days: string; interface: string | undefined }) =>
    queryOptions({
      queryKey: key("calls", filter),
      queryFn: ({ signal }) => get<Calls>(path`/calls`, filter, signal),
    }),
  /** What does not fit the definitions, summed over the gateways of an environment. */
  drift: (environment: string, code: string | undefined) =>
    queryOptions({
      queryKey: key("drift", environment, code),
      queryFn: ({ signal }) => get<Drift>(path`/drift`, { environment, interface: code }, signal),
    }),
  /** What a publish would change now. */
  preview: (name: string) =>
    queryOptions({
      queryKey: key("environments", name, "preview"),
      queryFn: ({ signal }) => get<Preview>(path`/environments/${name}/preview`, undefined, signal),
    }),
  subscription: (id: string) =>
    queryOptions({
      queryKey: key("subscription", id),
      queryFn: ({ signal }) => getTagged<Subscription>(path`/subscriptions/${id}`, signal),
    }),
};

export const findInterfaces = (q: string, signal: AbortSignal) =>
  get<InterfaceList>(path`/interfaces`, { q, page_size: 12 }, signal);

/** Where a file of a definition is, as it was handed in. */
export const fileUrl = (version: string, file: string): string =>
  withQuery(path`/versions/${version}/file`, { path: file });

/** The address of a list with the filter of its page. */
export const listUrl = (resource: string, query: Record<string, string | undefined>): string =>
  withQuery(`${BASE}/${resource}`, query);

const MEDIA: Record<string, string> = {
  json: "application/json",
  yaml: "application/yaml",
  yml: "application/yaml",
  zip: "application/zip",
};

const mediaOf = (name: string): string =>
  MEDIA[name.split(".").at(-1)?.toLowerCase() ?? ""] ?? "application/octet-stream";

/** What was seen of a record, as a change of it names it. */
const seen = ({ revision }: { revision: number }): string => `"v${revision}"`;

/** Every change of the platform. */
export const writes = {
  system: (body: SystemInput) => post<System>(path`/systems`, body),
  interface: (body: InterfaceInput) => post<Interface>(path`/interfaces`, body),
  version: (code: string, number: string) =>
    post<Version>(path`/interfaces/${code}/versions`, { number }),
  definition: (version: Version, file: File) =>
    call<Imported>("PUT", path`/versions/${version.id}/definition`, {
      query: { name: file.name },
      raw: { content: file, type: mediaOf(file.name) },
      headers: { "If-Match": seen(version) },
    }),
  check: (version: Version) =>
    postTagged<Version>(path`/versions/${version.id}/check`, {}, seen(version)),
  sla: (version: Version, sla: Sla) =>
    putTagged<Version>(path`/versions/${version.id}/sla`, sla, seen(version)),
  similar: (version: Version, code: string, reason: string) =>
    postTagged<Version>(
      path`/versions/${version.id}/similar`,
      { interface: code, reason },
      seen(version),
    ),
  transition: (version: Version, body: TransitionInput) =>
    postTagged<Version>(path`/versions/${version.id}/transitions`, body, seen(version)),
  agree: (version: Version) =>
    postTagged<Version>(path`/versions/${version.id}/agreement`, {}, seen(version)),
  waive: (version: Version, body: WaiverInput) =>
    postTagged<Version>(path`/versions/${version.id}/waivers`, body, seen(version)),
  application: (body: ApplicationInput) => post<Application>(path`/applications`, body),
  credential: (body: CredentialInput) => post<Credential>(path`/credentials`, body),
  /** Tells the secret, this once. */
  fetchSecret: (id: string) => post<Fetched>(path`/credentials/${id}/secret`),
  rotate: (one: Tagged<Credential>, body: RotationInput) =>
    postTagged<Credential>(path`/credentials/${one.id}/rotation`, body, one.etag),
  revoke: (one: Tagged<Credential>, reason: string) =>
    postTagged<Credential>(path`/credentials/${one.id}/revocation`, { reason }, one.etag),
  bind: (version: Version, environment: string, body: BindingInput) =>
    putTagged<Binding>(path`/versions/${version.id}/bindings/${environment}`, body, seen(version)),
  tryOut: (version: string, no: number, body: TryInput) =>
    post<Tried>(path`/versions/${version}/operations/${no}/trials`, body),
  publish: (environment: string, reason: string) =>
    post<Publication>(path`/environments/${environment}/snapshots`, { reason }),
  rollBack: (environment: string, version: number, reason: string) =>
    post<Publication>(path`/environments/${environment}/rollback`, { version, reason }),
  subscribe: (body: SubscriptionInput) => post<Subscription>(path`/subscriptions`, body),
  subscription: (one: Tagged<Subscription>, event: string, reason: string) =>
    postTagged<Subscription>(
      path`/subscriptions/${one.id}/transitions`,
      { event, reason },
      one.etag,
    ),
};

export const useAction = <In, Out>(
  run: (input: In) => Promise<Out>,
  done: string | null,
  after?: (out: Out) => void,
) => useSystemAction("esb", run, done, after);

/** Refetches the given resources when one of the topics changes. */
export const useTopics = (
  topics: readonly string[],
  resources: readonly (readonly unknown[])[],
): void => useSystemTopics("esb", STREAM, topics, resources);
