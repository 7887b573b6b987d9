import { useRouteError } from "react-router";
import { ErrorState } from "@/shared/states";

/** A page failed while drawing: the rest of the console stays usable. */
export function CrashPage() {
  const error = useRouteError();
  return (
    <main className="start-failed">
      <ErrorState error={error} retry={() => window.location.reload()} />
    </main>
  );
}
