import { CopyButton } from "./CopyButton";
import "./forms.css";

/** A document as it is kept. */
export function JsonBlock({ value, label }: { value: unknown; label: string }) {
  const text = JSON.stringify(value, null, 2);
  return (
    <div className="json-block">
      <CopyButton value={text} label={label} />
      <pre tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
    </div>
  );
}
