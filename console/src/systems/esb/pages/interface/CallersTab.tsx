import { SubscriptionGrid } from "../../components/SubscriptionGrid";

/** Who calls an interface, or asked to. */
export function CallersTab({ code }: { code: string }) {
  return <SubscriptionGrid filter={{ interface: code }} />;
}
