import type { Credential } from "@/api/contract.esb";
import { useSaid } from "@/shared/format";
import { StatusPill } from "@/shared/ui";
import { lookOf } from "../model/credential";

/** Where a credential stands. */
export function CredentialPill({ one }: { one: Pick<Credential, "state" | "state_words"> }) {
  const said = useSaid();
  return <StatusPill state={lookOf(one.state)} label={said(one.state_words, one.state) ?? ""} />;
}
