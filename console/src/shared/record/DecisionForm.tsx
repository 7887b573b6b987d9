import { Input } from "antd";
import { type ReactNode, useState } from "react";
import { ActionButton, StatusIcon } from "../ui";

/** One of the two answers. */
export interface Answer {
  label: string;
  busy: boolean;
  /** Why this answer is not possible, given what was written. */
  whyNot?: (comment: string) => string | null;
  give: (comment: string) => void;
}

/** The second pair of eyes: a comment and yes or no; who may not decide reads why. */
export function DecisionForm({
  id,
  label,
  whyNot,
  yes,
  no,
  children,
}: {
  id: string;
  /** Name of the comment. */
  label: string;
  /** Why neither answer is this person's to give. */
  whyNot: string | null;
  yes: Answer;
  no: Answer;
  /** Further answers. */
  children?: ReactNode;
}) {
  const [comment, setComment] = useState("");
  const said = comment.trim();
  return (
    <div className="stack tight">
      {whyNot && (
        <div className="notice tone-wait" role="note">
          <StatusIcon state="awaiting_approval" />
          <span className="grow">{whyNot}</span>
        </div>
      )}
      <label htmlFor={id}>{label}</label>
      <Input.TextArea
        id={id}
        rows={2}
        disabled={whyNot !== null}
        value={comment}
        onChange={(event) => setComment(event.target.value)}
      />
      <div className="row wrap">
        <ActionButton
          primary
          icon="check"
          busy={yes.busy}
          whyNot={whyNot ?? yes.whyNot?.(said)}
          onClick={() => yes.give(said)}
        >
          {yes.label}
        </ActionButton>
        <ActionButton
          danger
          icon="close"
          busy={no.busy}
          whyNot={whyNot ?? no.whyNot?.(said)}
          onClick={() => no.give(said)}
        >
          {no.label}
        </ActionButton>
        {children}
      </div>
    </div>
  );
}
