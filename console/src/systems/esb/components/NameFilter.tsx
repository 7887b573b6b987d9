import { Input } from "antd";

/** A namespace or a group by its name: asked for with Enter, or on leaving the field. */
export function NameFilter({
  label,
  value,
  set,
}: {
  label: string;
  value: string;
  set: (text: string | null) => void;
}) {
  const take = (text: string) => {
    if (text.trim() !== value) set(text.trim() || null);
  };
  return (
    <Input
      style={{ width: 200 }}
      aria-label={label}
      placeholder={label}
      prefix={<span className="faint">{label}</span>}
      allowClear
      defaultValue={value}
      onPressEnter={(event) => take(event.currentTarget.value)}
      onBlur={(event) => take(event.currentTarget.value)}
      onClear={() => set(null)}
    />
  );
}
