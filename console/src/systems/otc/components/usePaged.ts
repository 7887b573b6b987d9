import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { get } from "@/api/client";
import type { List } from "@/api/contract";
import { BASE } from "../api";

const PAGE = 200;

/** A list page by page: the next one comes when the reader nears the end. */
export function usePaged<T>(resource: string, filter: Record<string, string | undefined>) {
  const query = useInfiniteQuery({
    queryKey: ["otc", resource, "paged", filter],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      get<List<T>>(
        `${BASE}/${resource}`,
        { ...filter, page_size: PAGE, page_token: pageParam },
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
  return { query, rows, more };
}
