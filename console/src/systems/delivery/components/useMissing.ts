import type { UseQueryResult } from "@tanstack/react-query";
import { ApiError } from "@/api/problem";

/** Tells "there is none" (404) from a failure, for parts a pipeline may not have. */
export function useMissing<T>(
  query: UseQueryResult<T>,
): UseQueryResult<T> & { isMissing: boolean } {
  const isMissing =
    query.data === undefined && query.error instanceof ApiError && query.error.status === 404;
  return Object.assign({}, query, { isMissing });
}
