import { Input, Select } from "antd";
import { type FormEvent, type ReactNode, useState } from "react";
import { ErrorState } from "@/shared/states";
import { ActionButton, Card, Field } from "@/shared/ui";
import { useAction } from "../api";

export interface FormField<K extends string> {
  name: K;
  label: string;
  /** What stands there before anybody writes. */
  initial?: string;
  /** It may stay empty. */
  optional?: boolean;
  /** It is one of these. */
  options?: readonly { value: string; label: string }[];
  type?: "date" | "number";
  /** Longest text, characters; 100 when not told. */
  most?: number;
  note?: ReactNode;
}

interface Props<K extends string, Out> {
  /** Begins the ids of the fields. */
  id: string;
  /** Name of the form and of its button. */
  title: string;
  fields: readonly FormField<K>[];
  /** Why this person may not send it. */
  denied: string | null;
  /** What to say while something is not filled in. */
  missing: string;
  /** What to say once it was done. */
  done: string;
  send: (text: Record<K, string>) => Promise<Out>;
  after?: (out: Out) => void;
  /** Before the fields. */
  children?: ReactNode;
}

/** A short form that adds something: fields in a row, a button that says why it is off. */
export function AddForm<K extends string, Out>(props: Props<K, Out>) {
  const { id, title, fields, denied, missing, done, after, children } = props;
  const [written, setWritten] = useState<Partial<Record<K, string>>>({});
  const valueOf = (field: FormField<K>): string => written[field.name] ?? field.initial ?? "";
  const write = (name: K, text: string) => setWritten({ ...written, [name]: text });
  const add = useAction(
    () =>
      props.send(
        Object.fromEntries(fields.map((field) => [field.name, valueOf(field).trim()])) as Record<
          K,
          string
        >,
      ),
    done,
    (out) => {
      setWritten({});
      after?.(out);
    },
  );
  const open = fields.some((field) => !field.optional && valueOf(field).trim() === "");
  const whyNot = denied ?? (open ? missing : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (whyNot === null) add.mutate(undefined);
  };
  return (
    <Card title={title}>
      <form className="stack" onSubmit={submit}>
        {children}
        <div className="form-grid from-top">
          {fields.map((field) => (
            <Field
              key={field.name}
              id={`${id}-${field.name}`}
              label={field.label}
              {...(field.note === undefined ? {} : { note: field.note })}
            >
              {field.options ? (
                <Select
                  id={`${id}-${field.name}`}
                  aria-label={field.label}
                  showSearch={{ optionFilterProp: "label" }}
                  value={valueOf(field) || null}
                  onChange={(next: string | null) => write(field.name, next ?? "")}
                  options={[...field.options]}
                />
              ) : (
                <Input
                  id={`${id}-${field.name}`}
                  type={field.type === "date" ? "date" : "text"}
                  inputMode={field.type === "number" ? "numeric" : "text"}
                  value={valueOf(field)}
                  maxLength={field.most ?? 100}
                  onChange={(event) => write(field.name, event.target.value)}
                />
              )}
            </Field>
          ))}
        </div>
        {add.error && <ErrorState error={add.error} />}
        <div className="row">
          <ActionButton primary icon="plus" busy={add.isPending} whyNot={whyNot}>
            {title}
          </ActionButton>
        </div>
      </form>
    </Card>
  );
}
