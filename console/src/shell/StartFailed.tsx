import { ErrorState } from "@/shared/states";

/** The server did not answer at start: said plainly, with a way to try again. */
export function StartFailed({ error }: { error: unknown }) {
  return (
    <main className="start-failed">
      <ErrorState error={error} retry={() => window.location.reload()} />
    </main>
  );
}
