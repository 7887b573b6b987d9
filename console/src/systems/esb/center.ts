import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { call, get, getTagged, pathsUnder, post, postTagged, put, putTagged } from "@/api/client";
import type { ConfigItem, GreyInput, ItemInput, Service } from "@/api/contract.center";
import { BASE } from "./api";

const path = pathsUnder(BASE);

/** Parts of the name of a service or of a configuration item. */
export interface CenterKey {
  namespace: string;
  group: string;
  name: string;
}

/** Namespace where nothing else is said. */
export const PUBLIC = "public";

/** Longest a question for something new stays open, s: silences of instances are no older. */
const WATCH_S = 2;
/** A lost watch is taken up again after this, ms. */
const AGAIN_MS = 500;
/** The center tells of no list and of no item as a whole: they are looked at this often, ms. */
export const LOOK_MS = 3_000;

const parts = ({ namespace, group, name }: CenterKey) => [namespace, group, name];

/** A service, as it is and as it becomes: the question for its next revision is always open. */
export function useService(one: CenterKey) {
  const client = useQueryClient();
  const queryKey = ["esb", "service", ...parts(one)];
  return useQuery({
    queryKey,
    queryFn: ({ signal }) => {
      const known = client.getQueryData<Service>(queryKey);
      const at = path`/services/${one.namespace}/${one.group}/${one.name}`;
      return known
        ? get<Service>(`${at}/watch`, { since: known.revision, wait_s: WATCH_S }, signal)
        : get<Service>(at, undefined, signal);
    },
    // While a question is open this asks no second one.
    refetchInterval: AGAIN_MS,
  });
}

/** Looks at a list again every few seconds, while somebody sees it. */
export function useLookAgain(resource: readonly unknown[]): void {
  const client = useQueryClient();
  const key = JSON.stringify(resource);
  useEffect(() => {
    const timer = setInterval(() => {
      const queryKey = ["esb", ...(JSON.parse(key) as unknown[])];
      if (!document.hidden) void client.invalidateQueries({ queryKey });
    }, LOOK_MS);
    return () => clearInterval(timer);
  }, [client, key]);
}

const itemPath = ({ namespace, group, name }: CenterKey): string =>
  path`/configs/${namespace}/${group}/${name}`;

/** The history of an item as a list under the platform's API. */
export const historyOf = (one: CenterKey): string =>
  `${itemPath(one)}/history`.slice(BASE.length + 1);

export const readItem = (one: CenterKey) =>
  queryOptions({
    queryKey: ["esb", "configs", "one", ...parts(one)],
    queryFn: ({ signal }) => getTagged<ConfigItem>(itemPath(one), signal),
    refetchInterval: LOOK_MS,
  });

/** Every change of services and configuration items. */
export const changes = {
  protect: ({ namespace, group, name }: CenterKey, protection_threshold: number) =>
    put<Service>(path`/services/${namespace}/${group}/${name}`, { protection_threshold }),
  addItem: (one: CenterKey, body: ItemInput) => post<ConfigItem>(itemPath(one), body),
  changeItem: (one: CenterKey, body: ItemInput, etag: string | null) =>
    putTagged<ConfigItem>(itemPath(one), body, etag),
  removeItem: (one: CenterKey, reason: string, etag: string | null) =>
    call<undefined>("DELETE", itemPath(one), {
      query: { reason },
      ...(etag ? { headers: { "If-Match": etag } } : {}),
    }),
  rollBack: (one: CenterKey, revision: number, reason: string, etag: string | null) =>
    postTagged<ConfigItem>(`${itemPath(one)}/rollback`, { revision, reason }, etag),
  startGrey: (one: CenterKey, body: GreyInput, etag: string | null) =>
    putTagged<ConfigItem>(`${itemPath(one)}/grey`, body, etag),
  endGrey: (one: CenterKey, release: boolean, reason: string, etag: string | null) =>
    postTagged<ConfigItem>(`${itemPath(one)}/grey/end`, { release, reason }, etag),
};
