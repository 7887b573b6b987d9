import { Icon, type IconName } from "./Icon";
import "./bits.css";

interface Props {
  icon: IconName;
  /** What it does, to whom: rows have many of these. */
  label: string;
  onClick: () => void;
  busy?: boolean;
  size?: number;
  /** Why the action is not possible now; without it the action is. */
  whyNot?: string | null | undefined;
}

/** An action as a small picture, for rows. It stays focusable when it cannot be used, and says why. */
export function IconAction({ icon, label, onClick, busy, size, whyNot }: Props) {
  const off = Boolean(whyNot);
  return (
    <button
      type="button"
      className={off ? "icon-button action-off" : "icon-button"}
      aria-label={label}
      aria-disabled={off}
      aria-description={whyNot ?? undefined}
      title={off ? `${label} – ${whyNot}` : label}
      disabled={busy ?? false}
      onClick={() => {
        if (!off) onClick();
      }}
    >
      <Icon name={icon} {...(size === undefined ? {} : { size })} />
    </button>
  );
}
