import type { ReactNode } from "react";
import "./forms.css";

/** A field of a form with its name and what to know of it. */
export function Field({
  id,
  label,
  note,
  children,
}: {
  id: string;
  label: string;
  note?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="form-field">
      <label htmlFor={id}>{label}</label>
      {children}
      {note !== undefined && <p className="faint">{note}</p>}
    </div>
  );
}
