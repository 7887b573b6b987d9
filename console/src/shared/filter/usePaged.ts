import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { get } from "@/api/client";
import type { List } from "@/api/contract";

/** Rows of a page of a list. */
export const PAGE = 200;

type Filter = Record<string, string | undefined>;

/**
 * A list page by page: the next one comes when the reader nears the end. `resource` stands under
 * the system's API; `first` is the first page with whatever else it tells.
 */
export function usePagedOf<T, P extends List<T> = List<T>>(
  system: string,
  resource: string,
  filter: Filter,
  size = PAGE,
) {
  const query = useInfiniteQuery({
    queryKey: [system, ...resource.split("/"), "paged", filter],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      get<P>(
        `/api/${system}/v1/${resource}`,
        { ...filter, page_size: size, page_token: pageParam },
        signal,
      ),
    getNextPageParam: (page) => page.next_page_token ?? undefined,
    placeholderData: keepPreviousData,
  });
  const pages = query.data?.pages;
  const rows = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const more = query.hasNextPage
    ? {
        load: () => void query.fetchNextPage({ cancelRefetch: false }),
        busy: query.isFetchingNextPage,
        auto: true,
      }
    : null;
  return { query, rows, more, first: pages?.[0] };
}
