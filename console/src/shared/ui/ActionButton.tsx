import { Button, Tooltip } from "antd";
import type { ReactNode } from "react";
import { Icon, type IconName } from "./Icon";
import "./bits.css";

interface Props {
  children: ReactNode;
  /** Left out for the button that submits its form. */
  onClick?: () => void;
  icon?: IconName;
  primary?: boolean;
  danger?: boolean;
  busy?: boolean;
  small?: boolean;
  /** Why the action is not possible now; without it the action is. */
  whyNot?: string | null | undefined;
}

/** A button that says why when it cannot be used. It stays focusable so that everybody can read it. */
export function ActionButton({
  children,
  onClick,
  icon,
  primary,
  danger,
  busy,
  small,
  whyNot,
}: Props) {
  const off = Boolean(whyNot);
  const button = (
    <Button
      type={primary && !off ? "primary" : "default"}
      danger={danger ?? false}
      size={small ? "small" : "middle"}
      loading={busy ?? false}
      icon={icon ? <Icon name={icon} /> : undefined}
      aria-disabled={off}
      aria-description={whyNot ?? undefined}
      className={off ? "action-off" : ""}
      htmlType={onClick ? "button" : "submit"}
      onClick={(event) => {
        if (off) event.preventDefault();
        else onClick?.();
      }}
    >
      {children}
    </Button>
  );
  return off ? (
    <Tooltip title={whyNot} trigger={["hover", "focus"]}>
      {button}
    </Tooltip>
  ) : (
    button
  );
}
