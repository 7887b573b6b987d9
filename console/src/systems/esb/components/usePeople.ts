import { useQuery } from "@tanstack/react-query";
import { useSession } from "@/api/session";
import { reads } from "../api";

/** Everybody else who may sign in, for a choice among them. */
export function useOthers(): { value: string; label: string }[] {
  const { user } = useSession();
  const people = useQuery(reads.people());
  return (people.data?.items ?? [])
    .filter((one) => one.active !== false && one.login !== user.login)
    .map((one) => ({ value: one.login, label: `${one.name} (${one.login})` }));
}
