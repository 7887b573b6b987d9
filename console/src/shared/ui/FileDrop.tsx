import type { DragEvent, ReactNode } from "react";
import { Icon } from "./Icon";
import "./forms.css";

interface Props {
  id: string;
  label: string;
  /** What is asked for, what was chosen, or why nothing may be. */
  note: ReactNode;
  accept: string;
  disabled?: boolean;
  choose: (file: File) => void;
}

/** A file chosen or dropped. */
export function FileDrop({ id, label, note, accept, disabled = false, choose }: Props) {
  const take = (file: File | undefined) => {
    if (file && !disabled) choose(file);
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  };
  return (
    <div className="drop-zone" onDragOver={(event) => event.preventDefault()} onDrop={onDrop}>
      <Icon name="file" size={20} />
      <div>
        <label htmlFor={id}>{label}</label>
        <input
          id={id}
          type="file"
          disabled={disabled}
          aria-describedby={`${id}-note`}
          accept={accept}
          onChange={(event) => {
            take(event.target.files?.[0]);
            // The same file may be chosen again after it was mended.
            event.target.value = "";
          }}
        />
        <p id={`${id}-note`} className="faint">
          {note}
        </p>
      </div>
    </div>
  );
}
